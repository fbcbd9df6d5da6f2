#!/usr/bin/env bash
# One real Apache Kafka node that asks who you are: TLS, SCRAM-SHA-512, and ACLs that refuse what is not allowed.
#
#   secure.sh start DIR     starts it with its files in DIR; prints its TLS address once it answers
#   secure.sh revoke DIR    takes every right away from `app`, while it runs
#   secure.sh password DIR WORD    gives `app` another password, while it runs; who is connected is asked again within seconds
#   secure.sh stop DIR      ends it, by its process id
#
# DIR/ca.pem is the authority to trust. Users: `app`, password `app-secret`, may do everything with topics and groups that
# begin with `allowed`; `nobody`, password `nobody-secret`, may do nothing. A second listener without TLS, for the
# administrator, is at the address in DIR/admin. Needs openssl beside what kafka.sh needs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
jars=$("$here/kafka.sh" jars)

tool() {
    java -Xmx128m -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$here/log4j2.yaml" -Dlvl=ERROR -cp "$jars/*" "$@"
}

certificates() { # DIR
    local curve="ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    openssl req -x509 -newkey $curve -days 30 -subj /CN=test-ca -keyout "$1/ca.key" -out "$1/ca.pem"
    openssl req -newkey $curve -subj /CN=localhost -keyout "$1/server.key" -out "$1/server.csr"
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$1/names"
    openssl x509 -req -in "$1/server.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial -days 30 \
        -extfile "$1/names" -out "$1/server.crt"
    cat "$1/server.key" "$1/server.crt" "$1/ca.pem" >"$1/server.pem"
}

properties() { # DIR PORT ADMIN_PORT CONTROLLER_PORT
    sed -e "s|@CONTROLLER@|$4|g" -e "s|@DATA@|$1/data|" \
        -e '/^listeners=/d' -e '/^advertised.listeners=/d' -e '/^listener.security/d' "$here/server.properties"
    cat <<END
listeners=PLAINTEXT://127.0.0.1:$3,SASL_SSL://127.0.0.1:$2,CONTROLLER://127.0.0.1:$4
advertised.listeners=PLAINTEXT://127.0.0.1:$3,SASL_SSL://127.0.0.1:$2
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.connections.max.reauth.ms=5000
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.ssl.keystore.type=PEM
listener.name.sasl_ssl.ssl.keystore.location=$1/server.pem
listener.name.sasl_ssl.ssl.truststore.type=PEM
listener.name.sasl_ssl.ssl.truststore.location=$1/ca.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
END
}

run() { # DIR PORT
    rm -rf "$1/data"
    local admin
    admin=$(free_port)
    certificates "$1" >"$1/certificates.log" 2>&1
    properties "$1" "$2" "$admin" "$(free_port)" >"$1/server.properties"
    tool kafka.tools.StorageTool format -t "$(tool kafka.tools.StorageTool random-uuid)" -c "$1/server.properties" \
        --add-scram 'SCRAM-SHA-512=[name=app,password=app-secret]' \
        --add-scram 'SCRAM-SHA-512=[name=nobody,password=nobody-secret]' >"$1/format.log" 2>&1
    echo "127.0.0.1:$admin" >"$1/admin"
    launch "$1" java -Xms256m -Xmx256m -Dlog4j2.configurationFile="$here/log4j2.yaml" -cp "$jars/*" \
        kafka.Kafka "$1/server.properties"
}

answers() { # DIR PORT
    grep -qs 'Kafka Server started' "$1/server.log" && kcat -b "$(<"$1/admin")" -L -m 2 && rights "$1" --add
}

rights() { # DIR ACTION…
    tool org.apache.kafka.tools.AclCommand --bootstrap-server "$(<"$1/admin")" "${@:2}" --allow-principal User:app \
        --operation All --topic allowed --group allowed --transactional-id allowed --resource-pattern-type prefixed
}

password() { # DIR WORD
    tool kafka.admin.ConfigCommand --bootstrap-server "$(<"$1/admin")" --alter --entity-type users --entity-name app \
        --add-config "SCRAM-SHA-512=[password=$2]"
}

address() { echo "127.0.0.1:$1"; }

case "${1-} ${2-}" in
    "start "?*) start "$2" ;;
    "revoke "?*) rights "$2" --remove --force ;;
    "password "?*) password "$2" "$3" ;;
    "stop "?*) stop "$2" ;;
    *) usage ;;
esac

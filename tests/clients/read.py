"""Reads a topic from its start as a Python team would: one `partition key=value` a line, until the end of every partition.

read.py BOOTSTRAP TOPIC ISOLATION
"""

import sys

from confluent_kafka import Consumer, KafkaError

bootstrap, topic, isolation = sys.argv[1:]
consumer = Consumer(
    {
        "bootstrap.servers": bootstrap,
        "group.id": f"python.{isolation}",
        "isolation.level": isolation,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    }
)
partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
consumer.subscribe([topic])
ended = set()
while len(ended) < len(partitions):
    message = consumer.poll(20)
    if message is None:
        sys.exit("nothing for 20 s")
    if message.error() is None:
        print(message.partition(), f"{message.key().decode()}={message.value().decode()}")
    elif message.error().code() == KafkaError._PARTITION_EOF:
        ended.add(message.partition())
    else:
        sys.exit(str(message.error()))
consumer.close()

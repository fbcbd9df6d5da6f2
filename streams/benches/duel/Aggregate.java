// The peer: examples/aggregate.rs (with KIND=normalise a stage without state) as a Kafka Streams application, exactly once, with a RocksDB store and its changelog.
// Run from source: java -cp 'JARS/*' Aggregate.java. Settings from the environment, as for ours; BATCH is the producer's
// batch.size. A store of the Processor API has no cache, so that each record gives an output.

import java.nio.ByteBuffer;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

public class Aggregate implements Processor<byte[], byte[], byte[], byte[]> {
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> totals;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        this.totals = context.getStateStore("totals");
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        byte[] before = totals.get(record.key());
        long count = before == null ? 0 : ByteBuffer.wrap(before).getLong(0);
        long sum = before == null ? 0 : ByteBuffer.wrap(before).getLong(8);
        byte[] value = record.value();
        byte[] total = ByteBuffer.allocate(16 + value.length)
            .putLong(count + 1).putLong(sum + ByteBuffer.wrap(value).getLong(8)).put(value).array();
        totals.put(record.key(), total);
        context.forward(record.withValue(total));
    }

    public static void main(String[] args) throws InterruptedException {
        Topology topology = "normalise".equals(System.getenv("KIND")) ? normalise() : aggregate();

        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, setting("GROUP"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, setting("BOOTSTRAP"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, setting("STATE_DIR"));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, setting("THREADS"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put("auto.offset.reset", "earliest");
        optional(settings, StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "COMMIT_MS");
        optional(settings, StreamsConfig.producerPrefix("batch.size"), "BATCH");

        KafkaStreams streams = new KafkaStreams(topology, settings);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close();
            stopped.countDown();
        }));
        streams.start();
        stopped.await();
    }

    private static Topology aggregate() {
        return new Topology().addSource("in", setting("IN"))
            .addProcessor("aggregate", Aggregate::new, "in")
            .addStateStore(Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore("totals"), Serdes.ByteArray(), Serdes.ByteArray()), "aggregate")
            .addSink("out", setting("OUT"), "aggregate");
    }

    private static Topology normalise() {
        return new Topology().addSource("in", setting("IN"))
            .addProcessor("normalise", Normalise::new, "in")
            .addSink("out", setting("OUT"), "normalise");
    }

    /// Turns the amount's bytes round; keeps nothing.
    private static class Normalise implements Processor<byte[], byte[], byte[], byte[]> {
        private ProcessorContext<byte[], byte[]> context;

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            byte[] value = record.value().clone();
            ByteBuffer buffer = ByteBuffer.wrap(value);
            buffer.putLong(8, Long.reverseBytes(buffer.getLong(8)));
            context.forward(record.withValue(value));
        }
    }

    private static String setting(String name) {
        String value = System.getenv(name);
        if (value == null) throw new IllegalArgumentException("set " + name);
        return value;
    }

    private static void optional(Properties settings, String key, String name) {
        String value = System.getenv(name);
        if (value != null) settings.put(key, value);
    }
}

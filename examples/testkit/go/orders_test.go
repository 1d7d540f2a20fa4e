package testkit

import (
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

func config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Producer.Retry.Max = 50
	config.Metadata.Retry.Max = 50
	config.Metadata.Retry.Backoff = 100 * time.Millisecond
	return config
}

func read(t *testing.T, kafka string, count int) map[string]int {
	t.Helper()
	consumer, err := sarama.NewConsumer([]string{kafka}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition("orders", 0, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer partition.Close()
	seen := map[string]int{}
	for n := 0; n < count; n++ {
		select {
		case message := <-partition.Messages():
			seen[string(message.Value)]++
		case <-time.After(20 * time.Second):
			t.Fatalf("only %d of %d came", n, count)
		}
	}
	return seen
}

func TestNothingIsLostAndNothingDoubledOverAKill(t *testing.T) {
	milena := Start(t)
	producer, err := sarama.NewSyncProducer([]string{milena.Kafka}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for n := range 60 {
		if n == 30 {
			milena.Control("POST", "kill?for=300ms")
		}
		message := &sarama.ProducerMessage{Topic: "orders", Value: sarama.StringEncoder(fmt.Sprint("order ", n))}
		if _, _, err := producer.SendMessage(message); err != nil {
			t.Fatal(err)
		}
	}
	for name, times := range read(t, milena.Kafka, 60) {
		if times != 1 {
			t.Errorf("%s came %d times", name, times)
		}
	}
	milena.Control("POST", "expect/nothing-lost?end=power-cut")
}

func TestASlowDiskIsOnlySlow(t *testing.T) {
	milena := Start(t)
	producer, err := sarama.NewSyncProducer([]string{milena.Kafka}, config())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	milena.Control("POST", "disk?slow=150ms")
	begin := time.Now()
	message := &sarama.ProducerMessage{Topic: "orders", Value: sarama.StringEncoder("late")}
	if _, _, err := producer.SendMessage(message); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < 150*time.Millisecond {
		t.Errorf("acknowledged after %s, before the disk had it", took)
	}
	milena.Control("DELETE", "disk")
	if seen := read(t, milena.Kafka, 1); seen["late"] != 1 {
		t.Errorf("%v came", seen)
	}
}

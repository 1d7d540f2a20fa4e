// Sarama: go run . BOOTSTRAP
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"context"
	"math/rand"

	"github.com/IBM/sarama"
)

var bootstrap []string
var passed, failed int

func scenario(title string, work func() error) {
	start := time.Now()
	done := make(chan error, 1)
	go func() { done <- work() }()
	var err error
	select {
	case err = <-done:
	case <-time.After(60 * time.Second):
		err = errors.New("60 s are over")
	}
	if err != nil {
		failed++
		fmt.Printf("FAIL %s: %v\n", title, err)
		return
	}
	passed++
	fmt.Printf("pass %s (%d ms)\n", title, time.Since(start).Milliseconds())
}

func name(prefix string) string { return fmt.Sprintf("%s-%08x", prefix, rand.Uint32()) }

func settings() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V4_1_0_0
	c.Producer.Return.Successes = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	return c
}

func topic(partitions int32) (string, error) {
	admin, err := sarama.NewClusterAdmin(bootstrap, settings())
	if err != nil {
		return "", err
	}
	defer admin.Close()
	t := name("sarama")
	return t, admin.CreateTopic(t, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false)
}

func produce(t string, count int, c *sarama.Config) error {
	producer, err := sarama.NewSyncProducer(bootstrap, c)
	if err != nil {
		return err
	}
	defer producer.Close()
	var messages []*sarama.ProducerMessage
	for i := 0; i < count; i++ {
		messages = append(messages, &sarama.ProducerMessage{Topic: t, Key: sarama.StringEncoder("k"), Value: sarama.StringEncoder(fmt.Sprint(i))})
	}
	return producer.SendMessages(messages)
}

func read(t string, count int) error {
	consumer, err := sarama.NewConsumer(bootstrap, settings())
	if err != nil {
		return err
	}
	defer consumer.Close()
	p, err := consumer.ConsumePartition(t, 0, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	defer p.Close()
	for i := 0; i < count; i++ {
		select {
		case m := <-p.Messages():
			if string(m.Value) != fmt.Sprint(i) || m.Offset != int64(i) {
				return fmt.Errorf("message %d is %q at %d", i, m.Value, m.Offset)
			}
		case <-time.After(20 * time.Second):
			return fmt.Errorf("read %d of %d", i, count)
		}
	}
	return nil
}

func roundTrip(codec sarama.CompressionCodec, idempotent bool) error {
	t, err := topic(1)
	if err != nil {
		return err
	}
	c := settings()
	c.Producer.Compression = codec
	c.Producer.Idempotent = idempotent
	if idempotent {
		c.Net.MaxOpenRequests = 1
	}
	if err := produce(t, 500, c); err != nil {
		return err
	}
	return read(t, 500)
}

type handler struct {
	seen chan string
}

func (handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (h handler) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for m := range claim.Messages() {
		s.MarkMessage(m, "")
		h.seen <- string(m.Value)
	}
	return nil
}

func group() error {
	t, err := topic(3)
	if err != nil {
		return err
	}
	if err := produce(t, 300, settings()); err != nil {
		return err
	}
	id := name("g")
	g, err := sarama.NewConsumerGroup(bootstrap, id, settings())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	h := handler{make(chan string, 300)}
	ended := make(chan error, 1)
	go func() { ended <- g.Consume(ctx, []string{t}, h) }()
	for i := 0; i < 300; i++ {
		select {
		case <-h.seen:
		case <-ctx.Done():
			cancel()
			return fmt.Errorf("saw %d of 300", i)
		}
	}
	cancel()
	<-ended
	if err := g.Close(); err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdmin(bootstrap, settings())
	if err != nil {
		return err
	}
	defer admin.Close()
	offsets, err := admin.ListConsumerGroupOffsets(id, map[string][]int32{t: {0, 1, 2}})
	if err != nil {
		return err
	}
	var sum int64
	for _, b := range offsets.Blocks[t] {
		sum += max(b.Offset, 0) // -1 where nothing was committed
	}
	if sum != 300 {
		return fmt.Errorf("committed %d of 300", sum)
	}
	return admin.DeleteConsumerGroup(id)
}

func admin() error {
	t, err := topic(2)
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdmin(bootstrap, settings())
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := admin.CreatePartitions(t, 4, nil, false); err != nil {
		return err
	}
	described, err := admin.DescribeTopics([]string{t})
	if err != nil || len(described[0].Partitions) != 4 {
		return fmt.Errorf("described %v: %v", described, err)
	}
	value := "777"
	if err := admin.AlterConfig(sarama.TopicResource, t, map[string]*string{"retention.ms": &value}, false); err != nil {
		return err
	}
	entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: t, ConfigNames: []string{"retention.ms"}})
	if err != nil || len(entries) != 1 || entries[0].Value != "777" {
		return fmt.Errorf("configs %v: %v", entries, err)
	}
	return admin.DeleteTopic(t)
}

func main() {
	bootstrap = os.Args[1:2]
	for _, c := range []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD} {
		scenario("produce and read, "+c.String(), func() error { return roundTrip(c, false) })
	}
	scenario("idempotent producer", func() error { return roundTrip(sarama.CompressionNone, true) })
	scenario("a group reads and commits", group)
	scenario("admin", admin)
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

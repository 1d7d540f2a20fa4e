// franz-go's registry client: people KAFKA REGISTRY {write TOPIC | read TOPIC…}
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

type person struct {
	First string `avro:"first" json:"first"`
	Last  string `avro:"last" json:"last"`
}

var john = person{"john", "doe"}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	kafka, registry, role, topics := os.Args[1], os.Args[2], os.Args[3], os.Args[4:]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := must(sr.NewClient(sr.URLs(registry)))
	for _, topic := range topics {
		if role == "write" {
			write(ctx, client, kafka, topic)
		} else {
			read(ctx, client, kafka, topic)
		}
	}
	if role == "write" {
		walk(ctx, client)
	}
	fmt.Printf("franz %s: %d passed\n", role, len(topics))
}

func write(ctx context.Context, client *sr.Client, kafka, topic string) {
	format := formatOf(topic)
	found := must(client.CreateSchema(ctx, topic+"-value", format.schema))
	value := must(format.serde(found.ID, format.schema.Schema).Encode(john))
	producer := must(kgo.NewClient(kgo.SeedBrokers(kafka), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic(topic)))
	defer producer.Close()
	must(producer.ProduceSync(ctx, &kgo.Record{Value: value}).First())
}

func read(ctx context.Context, client *sr.Client, kafka, topic string) {
	consumer := must(kgo.NewClient(kgo.SeedBrokers(kafka), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())))
	defer consumer.Close()
	fetches := consumer.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		log.Fatal(err)
	}
	value := fetches.Records()[0].Value
	id, _, err := (&sr.ConfluentHeader{}).DecodeID(value)
	must(id, err)
	schema := must(client.SchemaByID(ctx, id))
	var got person
	if err := formatOf(topic).serde(id, schema.Schema).Decode(value, &got); err != nil || got != john {
		log.Fatalf("%s: %v %v", topic, got, err)
	}
}

// The calls that programs on franz-go make for administration.
func walk(ctx context.Context, client *sr.Client) {
	subject := fmt.Sprintf("go-%d", time.Now().UnixNano())
	schema := sr.Schema{Schema: fullName, Type: sr.TypeAvro}
	made := must(client.CreateSchema(ctx, subject, schema))
	if found := must(client.LookupSchema(ctx, subject, schema)); found.Version != 1 || found.ID != made.ID {
		log.Fatalf("%+v", found)
	}
	for _, result := range client.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFull}, subject) {
		must(result, result.Err)
	}
	if got := client.Compatibility(ctx, subject)[0]; got.Level != sr.CompatFull {
		log.Fatalf("%+v", got)
	}
	if checked := must(client.CheckCompatibility(ctx, subject, -1, schema)); !checked.Is {
		log.Fatalf("%+v", checked)
	}
	must(client.SubjectVersions(ctx, subject))
	must(client.DeleteSubject(ctx, subject, sr.SoftDelete))
	must(client.DeleteSubject(ctx, subject, sr.HardDelete))
	_, err := client.SubjectVersions(ctx, subject)
	var refused *sr.ResponseError
	if !errors.As(err, &refused) || refused.ErrorCode != 40401 {
		log.Fatalf("expected 40401, got %v", err)
	}
	must(client.SupportedTypes(ctx))
}

package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

const fullName = `{"type":"record","name":"FullName","namespace":"com.example","fields":[{"name":"first","type":"string"},{"name":"last","type":"string"}]}`
const jsonSchema = `{"$schema":"http://json-schema.org/draft-07/schema#","title":"FullName","type":"object","properties":{"first":{"type":"string"},"last":{"type":"string"}},"required":["first"]}`
const protoFile = "syntax = \"proto3\";\npackage com.example;\nmessage FullName { string first = 1; string last = 2; }\n"

// A format: its schema, how values become bytes and the other way round, and the path to the message in a Protobuf file.
type format struct {
	schema sr.Schema
	encode func(schema string, v any) ([]byte, error)
	decode func(schema string, b []byte, v any) error
	index  []int
}

// The first word of a topic's name is the format of its values.
func formatOf(topic string) format {
	return map[string]format{
		"avro":     {sr.Schema{Schema: fullName, Type: sr.TypeAvro}, avroEncode, avroDecode, nil},
		"json":     {sr.Schema{Schema: jsonSchema, Type: sr.TypeJSON}, jsonEncode, jsonDecode, nil},
		"protobuf": {sr.Schema{Schema: protoFile, Type: sr.TypeProtobuf}, protoEncode, protoDecode, []int{0}},
	}[strings.Split(topic, "-")[0]]
}

func (f format) serde(id int, schema string) *sr.Serde {
	options := []sr.EncodingOpt{
		sr.EncodeFn(func(v any) ([]byte, error) { return f.encode(schema, v) }),
		sr.DecodeFn(func(b []byte, v any) error { return f.decode(schema, b, v) }),
	}
	if f.index != nil {
		options = append(options, sr.Index(f.index...))
	}
	var serde sr.Serde
	serde.Register(id, person{}, options...)
	return &serde
}

func avroEncode(schema string, v any) ([]byte, error) {
	return avro.Marshal(must(avro.Parse(schema)), v)
}

func avroDecode(schema string, b []byte, v any) error {
	return avro.Unmarshal(must(avro.Parse(schema)), b, v)
}

func jsonEncode(_ string, v any) ([]byte, error) { return json.Marshal(v) }
func jsonDecode(_ string, b []byte, v any) error { return json.Unmarshal(b, v) }

// The message of a .proto text as the registry gives it.
func message(text string) protoreflect.Message {
	source := &protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{"fullname.proto": text})}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(source)}
	files := must(compiler.Compile(context.Background(), "fullname.proto"))
	return dynamicpb.NewMessage(files[0].Messages().ByName("FullName"))
}

func protoEncode(schema string, v any) ([]byte, error) {
	made := message(schema).Interface()
	if err := protojson.Unmarshal(must(json.Marshal(v)), made); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(made)
}

func protoDecode(schema string, b []byte, v any) error {
	made := message(schema).Interface()
	if err := proto.Unmarshal(b, made); err != nil {
		return err
	}
	return json.Unmarshal(must(protojson.Marshal(made)), v)
}

// A worker of a queue: takes one message, works, acknowledges. Usage: worker URL TOPIC GROUP
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Settle says what became of messages.
type Settle struct {
	Ack    []string    `json:"ack,omitempty"`
	Reject []Rejection `json:"reject,omitempty"`
}

type Rejection struct {
	Lease  string `json:"lease"`
	Reason string `json:"reason"`
}

type Message struct {
	ID    string          `json:"id"`
	Lease string          `json:"lease"`
	Value json.RawMessage `json:"value"`
}

type queue struct {
	http      http.Client
	url, path string
}

// post leaves answer as it is when there is none.
func (q *queue) post(path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	response, err := q.http.Post(q.url+path, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 400 {
		return fmt.Errorf("%s %s: %s", response.Status, path, text)
	}
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// receive gives the next message, or nil when none comes within a second. What became of the last one goes with the question.
func (q *queue) receive(settle Settle) (*Message, error) {
	var answer struct{ Messages []Message }
	err := q.post(q.path, map[string]any{"wait_ms": 1000, "settle": settle}, &answer)
	if err != nil || len(answer.Messages) == 0 {
		return nil, err
	}
	return &answer.Messages[0], nil
}

func (q *queue) work() error {
	var settle Settle
	for {
		message, err := q.receive(settle)
		if err != nil || message == nil {
			return err
		}
		if string(message.Value) == `"poison"` {
			settle = Settle{Reject: []Rejection{{message.Lease, "poison"}}}
			continue
		}
		// The work takes long: the old lease ends, and a new one is given.
		var extended struct {
			NewLease string `json:"new_lease"`
		}
		if err := q.post("/q/v1/leases/"+message.Lease+":extend", map[string]int{"lease_ms": 60000}, &extended); err != nil {
			return err
		}
		var value any
		if err := json.Unmarshal(message.Value, &value); err != nil {
			return err
		}
		fmt.Println(value)
		settle = Settle{Ack: []string{extended.NewLease}}
	}
}

func main() {
	path := "/q/v1/topics/" + url.PathEscape(os.Args[2]) + "/groups/" + url.PathEscape(os.Args[3]) + ":receive"
	q := queue{http: http.Client{Timeout: 40 * time.Second}, url: os.Args[1], path: path}
	if err := q.work(); err != nil {
		log.Fatal(err)
	}
}

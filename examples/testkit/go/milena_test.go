// Package testkit shows a Milena of one test: started by the binary, stopped with the test, broken on request.
package testkit

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Milena is a broker that lives as long as its test.
type Milena struct {
	t     *testing.T
	Kafka string `json:"kafka"`
	HTTP  string `json:"http"`
	Kit   struct {
		Control string `json:"control"`
		Token   string `json:"token"`
	} `json:"ephemeral"`
}

// Start runs the binary that $MILENA names, or the one on the PATH.
func Start(t *testing.T) *Milena {
	t.Helper()
	binary := os.Getenv("MILENA")
	if binary == "" {
		binary = "milena"
	}
	command := exec.Command(binary, "serve", "--ephemeral", "-o", "json", "--kafka", "127.0.0.1:0",
		"--http", "127.0.0.1:0", "--registry", "off", "--rest", "off")
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	milena := &Milena{t: t}
	if err := json.Unmarshal(line, milena); err != nil {
		t.Fatal(err)
	}
	return milena
}

// Control calls a route of /ephemeral/v1. What does not hold fails the test.
func (m *Milena) Control(method, path string) {
	m.t.Helper()
	request, err := http.NewRequest(method, m.Kit.Control+"/"+path, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+m.Kit.Token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		words, _ := io.ReadAll(answer.Body)
		m.t.Fatalf("%s %s: %s", method, path, words)
	}
}

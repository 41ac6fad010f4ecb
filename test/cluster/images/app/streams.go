package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"golang.org/x/net/websocket"
)

// The app says back what it is told, at /echo and by WebSocket, and streams answers to a call of gRPC. It is
// the client of such streams too, at whatever address: an API server carries no HTTP/2, and no bodies of any
// size.

// watch is the method that answers with frames, one at a time.
const watch = "/holdfast.test.App/Watch"

const (
	frames   = 200
	bodySize = 100 << 20
)

// answerStream answers watch.
func (h *handler) answerStream(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	for range frames {
		_, _ = w.Write(noMessage)
		_ = http.NewResponseController(w).Flush()
	}
	w.Header().Set("Grpc-Status", "0")
}

// echo says back a body while it comes.
func echo(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	_, _ = io.Copy(w, r.Body)
}

// echoMessages says back the messages of a WebSocket.
var echoMessages = websocket.Server{Handler: func(conn *websocket.Conn) {
	for {
		var said []byte
		if websocket.Message.Receive(conn, &said) != nil || websocket.Message.Send(conn, said) != nil {
			return
		}
	}
}}

// askStreams asks an app at an address in each of these ways, and answers what was wrong with each: "" is
// nothing.
func askStreams(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	address, said := r.PathValue("address"), map[string]string{}
	for name, ask := range map[string]func(context.Context, string) error{"body": askEcho, "websocket": askMessages, "grpc": askStream} {
		said[name] = ""
		if err := ask(ctx, address); err != nil {
			said[name] = err.Error()
		}
	}
	_ = json.NewEncoder(w).Encode(said)
}

// askEcho sends a body in chunks, and reads it back while it goes.
func askEcho(ctx context.Context, address string) error {
	sent, heard := sha256.New(), sha256.New()
	body := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), bodySize), sent)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/echo", body)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	n, err := io.Copy(heard, answer.Body)
	if err == nil && !bytes.Equal(sent.Sum(nil), heard.Sum(nil)) {
		err = fmt.Errorf("%d bytes came back of %d, and are others", n, bodySize)
	}
	return err
}

func askMessages(ctx context.Context, address string) error {
	config, err := websocket.NewConfig("ws://"+address+"/messages", "http://"+address+"/")
	if err != nil {
		return err
	}
	conn, err := config.DialContext(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for i := range 100 {
		said := bytes.Repeat([]byte{byte(i)}, 1+i*i*10)
		var heard []byte
		if err := websocket.Message.Send(conn, said); err != nil {
			return err
		}
		if err := websocket.Message.Receive(conn, &heard); err != nil || !bytes.Equal(said, heard) {
			return fmt.Errorf("%d bytes came back of %d: %w", len(heard), len(said), err)
		}
	}
	return nil
}

func askStream(ctx context.Context, address string) error {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+watch, bytes.NewReader(noMessage))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("TE", "trailers")
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if status := answer.Trailer.Get("Grpc-Status"); err == nil && (status != "0" || len(said) != frames*len(noMessage)) {
		err = fmt.Errorf("%d bytes of answers and status %q", len(said), status)
	}
	return err
}

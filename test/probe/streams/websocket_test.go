package streams

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

func TestWebSocket(t *testing.T) {
	l := listen(t)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: websocket.Handler(func(conn *websocket.Conn) {
		for {
			var said []byte
			if websocket.Message.Receive(conn, &said) != nil || websocket.Message.Send(conn, said) != nil {
				return
			}
		}
	})}
	go server.Serve(l) //nolint:errcheck // closed below
	defer server.Close()
	address, registry := through(t, l)
	conn, err := websocket.Dial("ws://"+address+"/ws", "", "http://shop.example/")
	if err != nil {
		t.Fatal(err)
	}
	counts(t, registry, "1 101")
	for i := range 100 {
		said := bytes.Repeat([]byte{byte(i)}, 1+i*i*10)
		var heard []byte
		if err := websocket.Message.Send(conn, said); err != nil {
			t.Fatal(err)
		}
		if err := websocket.Message.Receive(conn, &heard); err != nil || !bytes.Equal(said, heard) {
			t.Fatalf("%d bytes came back of %d, %v", len(heard), len(said), err)
		}
	}
	conn.Close()
	counts(t, registry, "1 101")
}

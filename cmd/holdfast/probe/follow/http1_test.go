package follow_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/cmd/holdfast/probe/follow"
)

const get = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"

var conversations = []struct {
	name  string
	lines []line
	how   follow.Ending
	kind  follow.Kind
	want  string
}{
	{
		"requests on a connection that is kept", []line{
			client(get), pause(time.Second), application("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
			client("POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\n\r\nabc"), application("HTTP/1.1 500 Internal Server Error\r\ncontent-length:2\r\n\r\nno"),
		}, follow.ApplicationClosed, follow.HTTP1, "2 began; 200 in 1s, 500; in 3, out 7",
	},
	{
		"the time of an answer ends with its body, chunks and trailers", []line{
			client(get), application("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n"), pause(time.Second),
			application("0\r\nSum: 1\r\n"), pause(time.Second), application("\r\n"), pause(time.Second),
		}, follow.ApplicationClosed, follow.HTTP1, "1 began; 200 in 2s; in 0, out 5",
	},
	{
		"a request in chunks, and lines that end with LF alone", []line{
			client("POST / HTTP/1.1\nTransfer-Encoding: gzip, Chunked\n\nA\n0123456789\n0\nSum: 1\n\n"), application("HTTP/1.1 204 No Content\n\n"), client(get),
			application("HTTP/1.1 304 Not Modified\nContent-Length: 5\n\n"),
		}, follow.ApplicationClosed, follow.HTTP1, "2 began; 204, 304; in 10, out 0",
	},
	{
		"an answer to HEAD has no body", []line{
			client("HEAD / HTTP/1.1\r\nHost: shop\r\n\r\n" + get), application("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
		}, follow.ApplicationClosed, follow.HTTP1, "2 began; 200, 404; in 0, out 0",
	},
	{
		"interim answers are none", []line{
			client("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"), application("HTTP/1.1 100 Continue\r\n\r\n"), client("ab"),
			application("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
		}, follow.ApplicationClosed, follow.HTTP1, "1 began; 201; in 2, out 0",
	},
	{
		"an answer before the body of its request", []line{
			client("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"), application("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"), client("cd" + get),
			application("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		}, follow.ApplicationClosed, follow.HTTP1, "2 began; 200, 413; in 4, out 0",
	},
	{
		"an answer that ends with the connection", []line{client(get), application("HTTP/1.0 200 OK\r\n\r\nhello"), pause(time.Second)},
		follow.ApplicationClosed, follow.HTTP1, "1 began; 200 in 1s; in 0, out 5",
	},
	{
		"an answer that breaks off", []line{client(get), application("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")},
		follow.ApplicationClosed, follow.HTTP1, "1 began; 502; in 0, out 5",
	},
	{
		"an answer that would end with the connection, which is reset", []line{client(get), application("HTTP/1.0 200 OK\r\n\r\nhello")},
		follow.ApplicationBroke, follow.HTTP1, "1 began; 502; in 0, out 5",
	},
	{"no answer", []line{client(get + get)}, follow.ApplicationClosed, follow.HTTP1, "2 began; 502, 502; in 0, out 0"},
	{"a client that leaves before the answer", []line{client(get)}, follow.ClientLeft, follow.HTTP1, "1 began; 0; in 0, out 0"},
	{
		"a client that leaves in the middle of it", []line{client(get), application("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")},
		follow.ClientLeft, follow.HTTP1, "1 began; 200; in 0, out 5",
	},
	{
		"WebSocket", []line{
			client("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), application("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nabc"),
			pause(time.Hour), client("GET / is no request here"), application("HTTP/1.1 nor this"),
		}, follow.ApplicationBroke, follow.HTTP1, "1 began; 101; in 24, out 20",
	},
	{
		"an upgrade that is declined", []line{
			client("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), application("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
			client(get), application("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		}, follow.ApplicationClosed, follow.HTTP1, "2 began; 200, 400; in 0, out 0",
	},
	{
		"a tunnel", []line{
			client("CONNECT db:5432 HTTP/1.1\r\n\r\n"), application("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"), client("abc"), application("defg"),
		}, follow.ApplicationClosed, follow.HTTP1, "1 began; 200; in 3, out 4",
	},
	{
		"what nobody asked for", []line{
			client(get), application("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), application("HTTP/1.1 408 Request Timeout\r\nContent-Length: 1\r\n\r\nx"),
		}, follow.ApplicationClosed, follow.HTTP1, "1 began; 200; in 0, out 1",
	},
	{
		"a long line", []line{
			client("GET /" + strings.Repeat("a", 20000) + " HTTP/1.1\r\nCookie: " + strings.Repeat("b", 70000) + "\r\n\r\n"),
			application("HTTP/1.1 200 " + strings.Repeat("OK", 5000) + "\r\nContent-Length: 1\r\n\r\nx"),
		}, follow.ApplicationClosed, follow.HTTP1, "1 began; 200; in 0, out 1",
	},
	{"a status that is none", []line{client(get), application("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n")}, follow.ApplicationClosed, follow.HTTP1, "1 began; 999; in 0, out 0"},
	{
		"what begins like a request and is none", []line{client("GET /\r\n"), application("hello")},
		follow.ApplicationClosed, follow.Other, "0 began; ; in 0, out 5",
	},
	{"an answer that is none", []line{client(get), application("SSH-2.0\r\n")}, follow.ApplicationClosed, follow.Other, "1 began; 0; in 0, out 0"},
	{
		"two lengths", []line{client("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), application("HTTP/1.1 400 Bad\r\n\r\n")},
		follow.ApplicationClosed, follow.Other, "",
	},
	{"TLS", []line{client("\x16\x03\x01abc"), application("\x16\x03\x03de")}, follow.ApplicationClosed, follow.TLS, "0 began; ; in 6, out 5"},
	{"an application that speaks first", []line{application("220 mail\r\n"), client("GET / HTTP/1.1\r\n\r\n")}, follow.ApplicationClosed, follow.Other, "0 began; ; in 18, out 10"},
	{"half of a word", []line{client("GE")}, follow.ClientLeft, follow.Other, "0 began; ; in 2, out 0"},
	{"silence", nil, follow.ClientLeft, follow.Unknown, "0 began; ; in 0, out 0"},
}

func TestConversations(t *testing.T) {
	for _, c := range conversations {
		h, kind := play(c.lines, false, c.how, func() int { return 1 << 20 })
		if c.want != "" && h.String() != c.want || kind != c.kind {
			t.Errorf("%s:\n got %s, kind %d\nwant %s, kind %d", c.name, h, kind, c.want, c.kind)
		}
	}
}

// TestPiecesDoNotMatter: however what is said comes, the same is heard.
func TestPiecesDoNotMatter(t *testing.T) {
	for _, c := range conversations {
		if c.kind == follow.Other && c.want == "" {
			continue
		}
		whole, _ := play(c.lines, false, c.how, func() int { return 1 << 20 })
		single, _ := play(c.lines, false, c.how, func() int { return 1 })
		same := whole.String() == single.String()
		for seed := range uint64(20) {
			random := rand.New(rand.NewPCG(seed, 0))
			pieces, _ := play(c.lines, false, c.how, func() int { return 1 + random.IntN(40) })
			same = same && whole.String() == pieces.String()
		}
		if c.kind == follow.HTTP1 && !same {
			t.Errorf("%s: in one piece %s, byte by byte %s", c.name, whole, single)
		}
	}
}

func TestWhatIsNotToBeReadIsNot(t *testing.T) {
	h, kind := play([]line{client(get), application("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")}, true, follow.ApplicationClosed, func() int { return 7 })
	if kind != follow.Other || h.String() != "0 began; ; in 30, out 38" {
		t.Errorf("%s, kind %d", h, kind)
	}
}

// FuzzConversation: whatever two sides say, nothing panics, what began ends, and no byte is carried twice.
func FuzzConversation(f *testing.F) {
	for _, c := range conversations {
		var said, answered string
		for _, l := range c.lines {
			if l.who == follow.In {
				said += l.text
			} else {
				answered += l.text
			}
		}
		f.Add([]byte(said), []byte(answered), uint64(1))
	}
	for _, s := range streams(f) {
		f.Add([]byte(s.said), []byte(s.answered), uint64(2))
	}
	f.Fuzz(func(t *testing.T, said, answered []byte, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		var lines []line
		for len(said)+len(answered) > 0 {
			from, l := &said, line{who: follow.In}
			if random.IntN(2) == 0 {
				from, l = &answered, line{who: follow.Out}
			}
			n := min(len(*from), 1+random.IntN(64))
			l.text, *from = string((*from)[:n]), (*from)[n:]
			lines = append(lines, l)
		}
		h, _ := play(lines, false, follow.Ending(random.IntN(4)), func() int { return 1 + random.IntN(64) })
		in, out := 0, 0
		for _, l := range lines {
			if l.who == follow.In {
				in += len(l.text)
			} else {
				out += len(l.text)
			}
		}
		if h.began != len(h.ended) || h.bytes[follow.In] > in || h.bytes[follow.Out] > out {
			t.Errorf("%s, of %d and %d bytes", h, in, out)
		}
	})
}

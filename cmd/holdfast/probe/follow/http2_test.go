package follow_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"holdfast.dev/holdfast/cmd/holdfast/probe/follow"
)

// speaker writes frames as one side of a connection.
type speaker struct {
	who     follow.Sender
	buffer  bytes.Buffer
	framer  *http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
}

func newSpeaker(who follow.Sender) *speaker {
	s := &speaker{who: who}
	s.framer = http2.NewFramer(&s.buffer, nil)
	s.framer.AllowIllegalWrites = true
	s.encoder = hpack.NewEncoder(&s.block)
	return s
}

// say is what write writes.
func (s *speaker) say(write func(*http2.Framer)) line {
	write(s.framer)
	defer s.buffer.Reset()
	return line{s.who, s.buffer.String(), 0}
}

// fields are fields as HEADERS, with paddings and priorities, in as many frames as they take of size bytes.
func (s *speaker) fields(stream uint32, end bool, size int, pairs ...string) line {
	return s.say(func(f *http2.Framer) {
		s.block.Reset()
		for pair := range slices.Chunk(pairs, 2) {
			_ = s.encoder.WriteField(hpack.HeaderField{Name: pair[0], Value: pair[1]})
		}
		block := s.block.Bytes()
		n := min(size, len(block))
		param := http2.HeadersFrameParam{StreamID: stream, EndStream: end, EndHeaders: n == len(block), BlockFragment: block[:n]}
		if size%2 == 1 {
			param.PadLength, param.Priority = uint8(size), http2.PriorityParam{Weight: 3}
		}
		_ = f.WriteHeaders(param)
		for block = block[n:]; len(block) > 0; block = block[n:] {
			n = min(size, len(block))
			_ = f.WriteContinuation(stream, n == len(block), block[:n])
		}
	})
}

func (s *speaker) data(stream uint32, end bool, text string) line {
	return s.say(func(f *http2.Framer) { _ = f.WriteData(stream, end, []byte(text)) })
}

func (s *speaker) settings(settings ...http2.Setting) line {
	return s.say(func(f *http2.Framer) { _ = f.WriteSettings(settings...) })
}

func (s *speaker) reset(stream uint32, code http2.ErrCode) line {
	return s.say(func(f *http2.Framer) { _ = f.WriteRSTStream(stream, code) })
}

const greeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

var call = []string{":method", "POST", ":path", "/shop.Shop/Buy", ":scheme", "http", "content-type", "application/grpc+proto", "te", "trailers"}

type streamCase struct {
	name           string
	lines          []line
	how            follow.Ending
	want           string
	said, answered string
}

// streams are conversations in HTTP/2.
func streams(tb testing.TB) []streamCase {
	tb.Helper()
	var cases []streamCase
	add := func(name string, how follow.Ending, want string, speak func(c, a *speaker) []line) {
		c, a := newSpeaker(follow.In), newSpeaker(follow.Out)
		lines := append([]line{client(greeting), c.settings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 8192}), a.settings()}, speak(c, a)...)
		s := streamCase{name: name, lines: lines, how: how, want: want}
		for _, l := range lines {
			if l.who == follow.In {
				s.said += l.text
			} else {
				s.answered += l.text
			}
		}
		cases = append(cases, s)
	}
	add("requests at once, answered in another order", follow.ApplicationClosed, "2 began; 200 in 2s, 404 in 1s; in 3, out 5", func(c, a *speaker) []line {
		return []line{
			c.fields(1, true, 999, ":method", "GET", ":path", "/"), c.fields(3, false, 4, ":method", "POST", ":path", "/"), c.data(3, true, "abc"), pause(time.Second),
			a.fields(3, true, 999, ":status", "404"), a.fields(1, false, 3, ":status", "200", "content-type", "text/plain"), a.data(1, false, "he"), pause(time.Second), a.data(1, true, "llo"),
		}
	})
	add("gRPC, with its status in trailers", follow.ApplicationClosed, "1 began; 200 NOT_FOUND in 1s; in 1, out 2", func(c, a *speaker) []line {
		return []line{
			c.fields(1, false, 7, call...), c.data(1, false, "a"), a.fields(1, false, 5, ":status", "200", "content-type", "application/grpc"), a.data(1, false, "bc"),
			pause(time.Second), a.fields(1, true, 2, "grpc-status", "5", "grpc-message", "no such thing"),
		}
	})
	add("gRPC, with trailers only", follow.ApplicationClosed, "1 began; 200 UNAVAILABLE; in 0, out 0", func(c, a *speaker) []line {
		return []line{c.fields(1, true, 99, call...), a.fields(1, true, 98, ":status", "200", "content-type", "application/grpc", "grpc-status", "14")}
	})
	add("statuses that gRPC does not know are unknown, and what has none is", follow.ApplicationClosed, "3 began; 200 UNKNOWN, 200 UNKNOWN, 503 UNKNOWN; in 0, out 0", func(c, a *speaker) []line {
		return []line{
			c.fields(1, true, 99, call...), a.fields(1, true, 98, ":status", "200", "content-type", "application/grpc", "grpc-status", "17"),
			c.fields(3, true, 99, call...), a.fields(3, true, 98, ":status", "200", "content-type", "application/grpc"),
			c.fields(5, true, 99, call...), a.fields(5, true, 98, ":status", "503", "content-type", "text/html"),
		}
	})
	add("a client that waits no longer", follow.ApplicationClosed, "3 began; 0 CANCELLED in 1s, 0 DEADLINE_EXCEEDED in 1s, 0 DEADLINE_EXCEEDED in 1s; in 0, out 0", func(c, a *speaker) []line {
		return []line{
			c.fields(1, true, 99, append(slices.Clone(call), "grpc-timeout", "1S")...), c.fields(3, true, 99, append(slices.Clone(call), "grpc-timeout", "1100m")...),
			c.fields(5, true, 99, append(slices.Clone(call), "grpc-timeout", "1200m")...),
			pause(time.Second), c.reset(1, http2.ErrCodeCancel), c.reset(3, http2.ErrCodeCancel), c.reset(5, http2.ErrCodeCancel), a.fields(1, true, 98, ":status", "200"),
		}
	})
	add("streams that the application breaks off, and one reset after its answer", follow.ApplicationBroke, "4 began; 200, 502, 502, 502 UNAVAILABLE; in 0, out 2", func(c, a *speaker) []line {
		return []line{
			c.fields(1, false, 99, ":method", "GET"), a.fields(1, true, 99, ":status", "200"), a.reset(1, http2.ErrCodeNo),
			c.fields(3, true, 99, ":method", "GET"), a.fields(3, false, 99, ":status", "200"), a.data(3, false, "ab"), a.reset(3, http2.ErrCodeInternal),
			c.fields(5, true, 99, call...), a.reset(5, http2.ErrCodeRefusedStream), c.fields(7, true, 99, ":method", "GET"),
		}
	})
	add("an application whose client waits no longer, and that is the first to say so", follow.ApplicationClosed, "2 began; 0 DEADLINE_EXCEEDED in 1s, 502 CANCELLED in 1s; in 0, out 0", func(c, a *speaker) []line {
		return []line{
			c.fields(1, true, 99, append(slices.Clone(call), "grpc-timeout", "1S")...), c.fields(3, true, 99, append(slices.Clone(call), "grpc-timeout", "1200m")...),
			pause(time.Second), a.reset(1, http2.ErrCodeCancel), a.reset(3, http2.ErrCodeCancel), c.reset(1, http2.ErrCodeCancel), c.reset(3, http2.ErrCodeCancel),
		}
	})
	add("streams of gRPC that the application resets", follow.ApplicationClosed, "6 began; 502 INTERNAL, 502 INTERNAL, 502 PERMISSION_DENIED, 502 RESOURCE_EXHAUSTED, 502 UNAVAILABLE, 502 UNKNOWN; in 0, out 0", func(c, a *speaker) []line {
		var lines []line
		for i, code := range []http2.ErrCode{http2.ErrCodeNo, http2.ErrCodeEnhanceYourCalm, http2.ErrCodeInadequateSecurity, http2.ErrCodeHTTP11Required, 1 << 31, http2.ErrCodeRefusedStream} {
			id := uint32(2*i + 1)
			lines = append(lines, c.fields(id, true, 99, call...), a.reset(id, code))
		}
		return lines
	})
	add("streams that the application will not answer", follow.ApplicationClosed, "2 began; 0, 502; in 0, out 0", func(c, a *speaker) []line {
		return []line{
			c.fields(1, true, 99, ":method", "GET"), c.fields(3, true, 99, ":method", "GET"),
			a.say(func(f *http2.Framer) { _ = f.WriteGoAway(1, http2.ErrCodeNo, []byte("bye")) }),
		}
	})
	add("interim answers, pushes, pings, trailers of requests and frames that nobody knows", follow.ClientLeft, "1 began; 200; in 2, out 0", func(c, a *speaker) []line {
		return []line{
			c.fields(1, false, 99, ":method", "POST"), c.data(1, false, "ab"), c.fields(1, true, 99, "sum", "1"), c.say(func(f *http2.Framer) { _ = f.WritePing(false, [8]byte{1}) }),
			a.fields(1, false, 98, ":status", "103"), a.say(func(f *http2.Framer) {
				a.block.Reset()
				_ = a.encoder.WriteField(hpack.HeaderField{Name: "x-pushed", Value: "1"})
				_ = f.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: a.block.Bytes(), EndHeaders: true, PadLength: 4})
			}), a.fields(2, true, 98, ":status", "500"),
			a.say(func(f *http2.Framer) { _ = f.WriteRawFrame(0xbe, 0, 0, []byte("grease")) }), a.fields(1, true, 98, ":status", "200", "x-pushed", "1"),
		}
	})
	add("a table of fields larger than usual, as the client allows", follow.ApplicationClosed, "2 began; 200, 200; in 0, out 0", func(c, a *speaker) []line {
		a.encoder.SetMaxDynamicTableSizeLimit(8192)
		a.encoder.SetMaxDynamicTableSize(8192)
		long := strings.Repeat("x", 3000)
		return []line{
			c.fields(1, true, 99, ":method", "GET"), a.fields(1, true, 98, ":status", "200", "a", long, "b", long+"y"),
			c.fields(3, true, 99, ":method", "GET"), a.fields(3, true, 98, "a", long, "b", long+"y", ":status", "200"),
		}
	})
	return cases
}

func TestStreams(t *testing.T) {
	for _, c := range streams(t) {
		for seed := range uint64(30) {
			random := rand.New(rand.NewPCG(seed, 0))
			next := func() int { return 1 + random.IntN(1+int(seed)*2) }
			if seed == 29 {
				next = func() int { return 1 << 20 }
			}
			h, kind := play(c.lines, false, c.how, next)
			if h.String() != c.want || kind != follow.HTTP2 {
				t.Errorf("%s:\n got %s, kind %d\nwant %s", c.name, h, kind, c.want)
				break
			}
		}
	}
}

func TestAnApplicationMaySpeakFirstInHTTP2(t *testing.T) {
	c, a := newSpeaker(follow.In), newSpeaker(follow.Out)
	h, kind := play([]line{
		a.settings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 32768}), client(greeting), c.settings(),
		c.fields(1, true, 99, ":method", "GET"), a.fields(1, true, 99, ":status", "201"),
	}, false, follow.ApplicationClosed, func() int { return 5 })
	if kind != follow.HTTP2 || h.String() != "1 began; 201; in 0, out 0" {
		t.Errorf("%s, kind %d", h, kind)
	}
}

func TestAnUpgradeToHTTP2GoesOnInIt(t *testing.T) {
	c, a := newSpeaker(follow.In), newSpeaker(follow.Out)
	h, kind := play([]line{
		client("GET / HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n"),
		application("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"), a.settings(), client(greeting), c.settings(), pause(time.Second),
		a.fields(1, true, 99, ":status", "200"), c.fields(3, true, 99, ":method", "GET"), a.fields(3, true, 99, ":status", "204"),
	}, false, follow.ApplicationClosed, func() int { return 11 })
	if kind != follow.HTTP2 || h.String() != "2 began; 200 in 1s, 204; in 0, out 0" {
		t.Errorf("%s, kind %d", h, kind)
	}
}

func TestWhatIsNoHTTP2AfterAllIsAConnection(t *testing.T) {
	h, kind := play([]line{client(greeting + "GET / HTTP/1.1\r\n\r\n"), application("hello")}, false, follow.ApplicationClosed, func() int { return 1000 })
	if kind != follow.Other || h.String() != "0 began; ; in 0, out 5" {
		t.Errorf("%s, kind %d", h, kind)
	}
}

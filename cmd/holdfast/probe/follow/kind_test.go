package follow_test

import (
	"testing"

	"holdfast.dev/holdfast/cmd/holdfast/probe/follow"
)

var beginnings = map[string]follow.Kind{
	"":                                  follow.Unknown,
	"GET":                               follow.Unknown,
	"GET ":                              follow.Unknown,
	"GET /":                             follow.HTTP1,
	"\r\nGET /":                         follow.HTTP1,
	"OPTIONS *":                         follow.HTTP1,
	"GET http://shop/ HTTP/1.1":         follow.HTTP1,
	"CONNECT shop:443 HTTP/1.1":         follow.HTTP1,
	"M-SEARCH * HTTP/1.1":               follow.HTTP1,
	"PRI":                               follow.Unknown,
	"PRI /":                             follow.HTTP1,
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r":    follow.Unknown,
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":  follow.HTTP2,
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nx": follow.HTTP2,
	"\x16":                              follow.Unknown,
	"\x16\x03\x01\x02":                  follow.TLS,
	"\x16\x00":                          follow.Other,
	"PING\r\n":                          follow.Other, // Redis
	"*1\r\n$4\r\nPING\r\n":              follow.Other,
	"SET a b\r\n":                       follow.Other,
	"get key\r\n":                       follow.Other, // memcached
	"\x00\x00\x00\x08\x04\xd2\x16\x2f":  follow.Other, // PostgreSQL asks for TLS
	"EHLO client.example\r\n":           follow.Other,
	"EHLO":                              follow.Unknown,
	"AMQP\x00\x00\x09\x01":              follow.Other,
	"AVERYVERYVERYVERYLONGMETHODTHATISNONE /": follow.Other,
}

func TestBeginnings(t *testing.T) {
	for said, want := range beginnings {
		if got := follow.Classify([]byte(said)); got != want {
			t.Errorf("%q is %d, want %d", said, got, want)
		}
	}
}

// FuzzClassify: what a beginning is does not change with what follows.
func FuzzClassify(f *testing.F) {
	for said := range beginnings {
		f.Add([]byte(said))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		known := follow.Unknown
		for i := range len(said) + 1 {
			got := follow.Classify(said[:i])
			if known != follow.Unknown && got != known {
				t.Fatalf("%q was %d, and is %d with %q", said[:i-1], known, got, said[i-1:i])
			}
			known = got
		}
	})
}

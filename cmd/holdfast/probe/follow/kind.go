package follow

import "bytes"

// Kind is what a connection is read as.
type Kind int

// What a connection is read as.
const (
	// Unknown: not enough has been said.
	Unknown Kind = iota
	HTTP1
	HTTP2
	// TLS that the application ends itself: nobody between can read it.
	TLS
	// Other protocols, and what is no HTTP after all.
	Other
)

// preface is what a client of HTTP/2 says first.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// maxMethod is how long a method may be; the longest registered one has 17 letters.
const maxMethod = 32

// Classify says what a connection is by what its client says first. It asks for no more bytes than it needs:
// a method, a space, and how what follows begins.
func Classify(said []byte) Kind {
	switch {
	case len(said) == 0:
		return Unknown
	case said[0] == 0x16: // the record of a handshake, of SSL 3 or TLS
		if len(said) > 1 && said[1] != 3 {
			return Other
		}
		if len(said) < 2 {
			return Unknown
		}
		return TLS
	case bytes.HasPrefix(said, []byte(preface)):
		return HTTP2
	case bytes.HasPrefix([]byte(preface), said):
		return Unknown
	}
	said = bytes.TrimLeft(said, "\r\n") // as servers do
	for i, c := range said {
		switch {
		case c == ' ' && i > 0:
			return target(string(said[:i]), said[i+1:])
		case !isToken(c) || i == maxMethod:
			return Other
		}
	}
	return Unknown
}

// target says whether what is asked for can be that of a request: a path, a whole URL, "*", or a host to
// CONNECT to.
func target(method string, said []byte) Kind {
	switch {
	case len(said) == 0:
		return Unknown
	case method == "CONNECT" && said[0] > ' ', said[0] == '/', said[0] == '*', said[0]|0x20 == 'h':
		return HTTP1
	}
	return Other
}

// isToken says whether c may be in a method (RFC 9110, 5.6.2).
func isToken(c byte) bool {
	switch {
	case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return true
	}
	return bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0
}

// settings says whether what an application says before its client has said anything is how a server of
// HTTP/2 begins: it need not wait. Any other that speaks first is no HTTP.
func settings(said []byte) bool {
	for i, b := range said {
		switch {
		case i == 9:
			return true
		case i == 3 && b != frameSettings, i > 3 && b != 0, i == 0 && b != 0: // its type; flags and stream are 0
			return false
		}
	}
	return true // as far as it goes
}

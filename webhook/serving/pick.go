package serving

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// picked are the scalars that pick keeps, by their paths.
type picked map[string]string

// picks are the paths of what is read of a review that is too large.
var picks = map[string]bool{
	"request.uid": true, "request.name": true, "request.namespace": true, "request.operation": true, "request.subResource": true,
	"request.kind.kind": true, "request.userInfo.username": true, "request.dryRun": true,
	"request.oldObject.metadata.name": true, "request.oldObject.metadata.uid": true,
}

const (
	// pickDepth is how deep what is picked stands.
	pickDepth = 4
	// maxPicked is how long a key or a scalar is at most of which anything is known, in bytes.
	maxPicked = 4 << 10
)

var errNoJSON = errors.New("the text is no JSON object, or ends within it")

// pick reads a JSON object of any size and depth, in bounded memory, and returns the scalars at picks. Where
// the text ends too early it returns what it has found, and an error.
func pick(from io.Reader) (picked, error) {
	p := &picker{from: bufio.NewReader(from), found: picked{}}
	for {
		b, err := p.from.ReadByte()
		if err != nil {
			return p.found, errNoJSON
		}
		switch b {
		case ' ', '\t', '\r', '\n':
		case '{', '[':
			p.open(b == '{')
		case '}', ']':
			if p.depth--; p.depth <= 0 {
				return p.found, nil
			}
		case ',':
			if at := p.at(); at != nil {
				at.key, at.hasKey = "", false
			}
		case ':':
		default:
			if err := p.scalar(b); err != nil || p.depth == 0 {
				return p.found, errNoJSON
			}
		}
	}
}

// picker is where pick is.
type picker struct {
	from  *bufio.Reader
	found picked
	depth int
	outer [pickDepth]level
}

// level is an object or a list, and the key that is read in it.
type level struct {
	object, hasKey bool
	key            string
}

// at is what pick is in, nil where that is too deep.
func (p *picker) at() *level {
	if p.depth < 1 || p.depth > pickDepth {
		return nil
	}
	return &p.outer[p.depth-1]
}

func (p *picker) open(object bool) {
	p.depth++
	if at := p.at(); at != nil {
		*at = level{object: object}
	}
}

// scalar reads a key, or a value that begins with a byte.
func (p *picker) scalar(first byte) error {
	text, err := p.token(first)
	if err != nil {
		return err
	}
	at := p.at()
	switch {
	case at == nil:
		return nil
	case at.object && !at.hasKey:
		at.key, at.hasKey = text, true
		return nil
	}
	keys := make([]string, p.depth)
	for i := range keys {
		keys[i] = p.outer[i].key
	}
	if path := strings.Join(keys, "."); picks[path] {
		p.found[path] = text
	}
	return nil
}

// token reads a string or a literal to its end; it is "" where that is too long.
func (p *picker) token(first byte) (string, error) {
	text, long, escaped, isText := []byte{first}, false, false, first == '"'
	for {
		b, err := p.from.ReadByte()
		if err != nil {
			return "", err
		}
		if !isText && strings.IndexByte(",:]}\" \t\r\n", b) >= 0 {
			if err := p.from.UnreadByte(); err != nil {
				return "", err
			}
			break
		}
		if long = long || len(text) >= maxPicked; !long {
			text = append(text, b)
		}
		if isText && b == '"' && !escaped {
			break
		}
		escaped = b == '\\' && !escaped
	}
	switch {
	case long:
		return "", nil
	case !isText:
		return string(text), nil
	}
	var said string
	err := json.Unmarshal(text, &said)
	return said, err
}

// Package jsontree reads and writes JSON objects as trees of map[string]any, []any, string, bool, nil and
// numbers, as the API machinery has them: a whole number is an int64, any other a float64. It is what
// k8s.io/apimachinery/pkg/util/json does, by the JSON of Go 1.27, in a third of the time (docs/adr/0052).
package jsontree

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// asBefore are the rules of the API machinery: of two fields of one name the last counts, and what is no
// UTF-8 is replaced.
var asBefore = json.JoinOptions(
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
	json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(readInto[map[string]any]), json.UnmarshalFromFunc(readInto[any]),
	)),
)

// Unmarshal decodes JSON into a tree, or into a struct some of whose fields are trees. Names of fields are
// case-sensitive.
func Unmarshal(data []byte, into any) error {
	return json.Unmarshal(data, into, asBefore) //nolint:wrapcheck // the caller says what it was
}

// readInto reads a value of a type; null leaves the zero value of it.
func readInto[T any](from *jsontext.Decoder, to *T) error {
	value, err := read(from)
	if err != nil {
		return err
	}
	var is bool
	if *to, is = value.(T); !is && value != nil {
		return fmt.Errorf("at byte %d: want an object", from.InputOffset())
	}
	return nil
}

func read(from *jsontext.Decoder) (any, error) {
	token, err := from.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case jsontext.KindBeginObject:
		return readObject(from)
	case jsontext.KindBeginArray:
		return readList(from)
	case jsontext.KindString:
		return token.String(), nil
	case jsontext.KindNumber:
		return number(token)
	case jsontext.KindTrue, jsontext.KindFalse:
		return token.Bool(), nil
	default:
		return nil, nil
	}
}

func readObject(from *jsontext.Decoder) (any, error) {
	out := map[string]any{}
	for from.PeekKind() != jsontext.KindEndObject {
		token, err := from.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		if out[name], err = read(from); err != nil {
			return nil, err
		}
	}
	_, err := from.ReadToken()
	return out, err
}

func readList(from *jsontext.Decoder) (any, error) {
	out := []any{}
	for from.PeekKind() != jsontext.KindEndArray {
		value, err := read(from)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	_, err := from.ReadToken()
	return out, err
}

// number is an int64 if it is written as one and fits.
func number(token jsontext.Token) (any, error) {
	text := token.String()
	if !strings.ContainsAny(text, ".eE") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
	}
	return token.Float()
}

// Write writes a tree as encoding/json would, byte for byte, in one line without a break at its end: fields
// in the order of their names, and <, > and & as escapes. Hashes are made from these bytes.
func Write(to io.Writer, tree any) error {
	w := writer{to: jsontext.NewEncoder(withoutNewline{to}, jsontext.AllowDuplicateNames(true), // a map has none
		jsontext.AllowInvalidUTF8(true), jsontext.EscapeForHTML(true), jsontext.EscapeForJS(true))}
	return w.write(tree)
}

// withoutNewline leaves out the line break with which an encoder ends a value.
type withoutNewline struct{ to io.Writer }

func (w withoutNewline) Write(p []byte) (int, error) {
	if _, err := w.to.Write(bytes.TrimSuffix(p, []byte("\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

type writer struct {
	to *jsontext.Encoder
	// names are those of the fields of the objects that are being written, the innermost last.
	names []string
}

func (w *writer) write(value any) error {
	switch value := value.(type) {
	case map[string]any:
		return w.object(value)
	case []any:
		return w.list(value)
	case string:
		return w.to.WriteToken(jsontext.String(value))
	case int64:
		return w.to.WriteToken(jsontext.Int(value))
	case float64:
		return w.to.WriteToken(jsontext.Float(value))
	case bool:
		return w.to.WriteToken(jsontext.Bool(value))
	case nil:
		return w.to.WriteToken(jsontext.Null)
	default:
		return fmt.Errorf("at %s: a tree has no %T", w.to.StackPointer(), value)
	}
}

func (w *writer) object(object map[string]any) error {
	if object == nil {
		return w.to.WriteToken(jsontext.Null)
	}
	if err := w.to.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	first := len(w.names)
	w.names = slices.AppendSeq(w.names, maps.Keys(object))
	end := len(w.names)
	slices.Sort(w.names[first:])
	for i := first; i < end; i++ { // w.names may move meanwhile
		name := w.names[i]
		if err := w.to.WriteToken(jsontext.String(name)); err != nil {
			return err
		}
		if err := w.write(object[name]); err != nil {
			return err
		}
	}
	w.names = w.names[:first]
	return w.to.WriteToken(jsontext.EndObject)
}

func (w *writer) list(list []any) error {
	if list == nil {
		return w.to.WriteToken(jsontext.Null)
	}
	if err := w.to.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for _, value := range list {
		if err := w.write(value); err != nil {
			return err
		}
	}
	return w.to.WriteToken(jsontext.EndArray)
}

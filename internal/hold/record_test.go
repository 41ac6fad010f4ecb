package hold

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testKey = Key(bytes.Repeat([]byte{7}, KeySize))

func record(t testing.TB, text string) Record {
	in := template(t, text)
	hash, err := HashOf(in)
	if err != nil {
		t.Fatal(err)
	}
	return Record{
		ID: "0123456789abcdef", Run: "web-abc", Hash: hash, UID: "uid-1",
		HeldAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Origin: OriginTemplate,
		Manager: "kubectl", Operation: "Apply", User: "jane", Template: in,
		Owners: []Owner{{Manager: "kubectl", Operation: "Apply", APIVersion: "apps/v1", Fields: map[string]any{"f:spec": map[string]any{}}}},
	}
}

// large is a template of about this many bytes; noise makes it hard to pack.
func large(size int, noise bool) string {
	value := strings.Repeat("abcdefghij ", size/11)
	if noise {
		const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
		r := rand.New(rand.NewSource(1))
		random := make([]byte, size)
		for i := range random {
			random[i] = letters[r.Intn(len(letters))]
		}
		value = string(random)
	}
	return `{"spec":{"containers":[{"name":"app","env":[{"name":"LARGE","value":"` + value + `"}]}]}}`
}

func TestSealAndOpen(t *testing.T) {
	for name, text := range map[string]string{
		"small":                        plain,
		"characters that JSON escapes": `{"spec":{"containers":[{"name":"app","args":["<a> & \"b\"","\u2028","é","\n"]}]}}`,
		"numbers":                      `{"spec":{"a":1,"b":9007199254740993,"c":0.5,"d":-1}}`,
		"200 KiB":                      large(200<<10, false),
		"150 KiB that pack badly":      large(150<<10, true),
	} {
		t.Run(name, func(t *testing.T) {
			want := record(t, text)
			sealed, err := testKey.Seal(want)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(sealed, "\n") {
				t.Error("the annotation has more than one line")
			}
			got, err := testKey.Open(sealed, "uid-1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("opened record differs (-want +got):\n%s", diff)
			}
			again, err := testKey.Seal(got)
			if err != nil || again != sealed {
				t.Errorf("sealed again it is another annotation (error %v)", err)
			}
		})
	}
}

func TestLargeTemplatesArePacked(t *testing.T) {
	sealed, err := testKey.Seal(record(t, large(200<<10, false)))
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed) > 16<<10 {
		t.Errorf("the annotation of a repetitive 200 KiB template has %d bytes", len(sealed))
	}
}

func TestOpenRefusesWhatItDidNotSeal(t *testing.T) {
	sealed, err := testKey.Seal(record(t, plain))
	if err != nil {
		t.Fatal(err)
	}
	edited := func(change func(map[string]any)) string {
		var m map[string]any
		if err := json.Unmarshal([]byte(sealed), &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		out, _ := json.Marshal(m)
		return string(out)
	}
	for name, in := range map[string]string{
		"nothing":           "",
		"garbage":           "garbage",
		"no object":         "[]",
		"no seal":           edited(func(m map[string]any) { delete(m, "seal") }),
		"another image":     strings.Replace(sealed, "app:v1", "app:v6", 1),
		"another ID":        edited(func(m map[string]any) { m["id"] = "x" }),
		"another UID":       edited(func(m map[string]any) { m["uid"] = "uid-2" }),
		"another hash":      edited(func(m map[string]any) { m["hash"] = "x" }),
		"template smuggled": edited(func(m map[string]any) { m["template"] = map[string]any{} }),
		"owners smuggled":   edited(func(m map[string]any) { m["owners"] = []any{} }),
		"packed smuggled":   edited(func(m map[string]any) { m["packed"] = "AAAA" }),
	} {
		t.Run(name, func(t *testing.T) {
			if r, err := testKey.Open(in, "uid-1"); !errors.Is(err, ErrSeal) {
				t.Errorf("opened %+v, error %v, want ErrSeal", r, err)
			}
		})
	}
	if _, err := testKey.Open(sealed, "uid-2"); !errors.Is(err, ErrSeal) {
		t.Errorf("opened for another Deployment: error %v", err)
	}
	if _, err := NewKey().Open(sealed, "uid-1"); !errors.Is(err, ErrSeal) {
		t.Errorf("opened with another key: error %v", err)
	}
}

func TestUnpackIsCapped(t *testing.T) {
	packed, err := pack(bytes.Repeat([]byte{' '}, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(packed, 1<<20-1); err == nil {
		t.Error("unpacked more than the limit")
	}
	if got, err := unpack(packed, 1<<20); err != nil || len(got) != 1<<20 {
		t.Errorf("unpacked %d bytes, error %v", len(got), err)
	}
}

func TestParseKey(t *testing.T) {
	if _, err := ParseKey([]byte("short")); err == nil {
		t.Error("took a short key")
	}
	if _, err := ParseKey(NewKey()); err != nil {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	for _, text := range []string{plain, large(8<<10, false)} {
		sealed, err := testKey.Seal(record(f, text))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sealed)
		f.Add(sealed[:len(sealed)/2])
	}
	f.Add(`{"packed":"H4sIAAAAAAAA","seal":"AAAA"}`)
	f.Fuzz(func(t *testing.T, encoded string) {
		r, err := testKey.Open(encoded, "uid-1")
		if err != nil {
			return
		}
		// Only the seeds open: nobody else has the key. What opens must seal to itself.
		if again, err := testKey.Seal(r); err != nil || len(again) == 0 {
			t.Errorf("sealing what was opened: %v", err)
		}
	})
}

// FuzzTemplate seals and opens any template there may be.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{plain, `{}`, `{"a":null}`, `{"a":[1,2.5,"x",{"b":[]}]}`, `{"":""}`,
		`{"spec":{"serviceAccount":{"a":1},"serviceAccountName":{"a":1}}}`, strings.Repeat(`{"a":`, 2000) + "{}" + strings.Repeat("}", 2000)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var in Template
		if err := json.Unmarshal([]byte(text), &in); err != nil || in == nil {
			return
		}
		in = template(t, text)
		hash, err := HashOf(in)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := testKey.Seal(Record{ID: "x", UID: "u", Hash: hash, Template: in})
		if err != nil {
			t.Fatal(err)
		}
		out, err := testKey.Open(sealed, "u")
		if err != nil {
			t.Fatalf("open %s: %v", sealed, err)
		}
		if again, _ := HashOf(out.Template); again != hash {
			t.Errorf("hash %s became %s", hash, again)
		}
	})
}

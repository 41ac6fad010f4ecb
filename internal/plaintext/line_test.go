package plaintext

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"plain text stays":                 {"run web-1: 3 of 4 “good” – ok ✓", "run web-1: 3 of 4 “good” – ok ✓"},
		"other scripts stay":               {"развёртывание 部署 نشر", "развёртывание 部署 نشر"},
		"a line break cannot begin a line": {"a\nlevel=error msg=\"forged\"\r\nb", "a level=error msg=\"forged\"  b"},
		"Unicode's line breaks":            {"a\u2028b\u2029c\u0085d", "a b c\ufffdd"},
		"a tab":                            {"a\tb", "a b"},
		"an escape of a terminal":          {"a\x1b[31mred\x1b[0m", "a\ufffd[31mred\ufffd[0m"},
		"one in eight bits":                {"a\u009b31m", "a\ufffd31m"},
		"a bell and a delete":              {"\a\x7f", "\ufffd\ufffd"},
		"text that is turned around":       {"abc\u202egnp.exe\u2066", "abc\ufffdgnp.exe\ufffd"},
		"what cannot be seen":              {"ad\u200bmin\ufeff", "ad\ufffdmin\ufffd"},
		"no UTF-8":                         {"a\xff\xfeb", "a\ufffd\ufffdb"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Line(tc.text, 100); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if got := Line(strings.Repeat("ä", 10), 10); got != "äää…" {
		t.Errorf("cut to %q", got)
	}
	if got := Block("a\n\tb\x1b", 100); got != "a\n\tb\ufffd" {
		t.Errorf("a block is %q", got)
	}
}

// FuzzLine: one line of characters that can be seen, not too long, and nothing
// more to be cleaned in it.
func FuzzLine(f *testing.F) {
	f.Add("a\nb\x1b[0m\u202e\xff", 5)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 3 + (limit%2048+2048)%2048
		got := Line(text, limit)
		if len(got) > limit || !utf8.ValidString(got) {
			t.Fatalf("%d bytes of %d: %q", len(got), limit, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
				t.Fatalf("%q has %U", got, r)
			}
		}
		if again := Line(got, limit); again != got {
			t.Fatalf("cleaned again it is %q, was %q", again, got)
		}
	})
}

package agent

import "testing"

func TestExpand(t *testing.T) {
	lookup := mapLookup([]string{"A=one", "B=two", "A=three", "EMPTY="})
	for name, c := range map[string]struct{ text, want string }{
		"a known name is replaced, the last value counts": {"x $(A) y", "x three y"},
		"several names":                          {"$(A)$(B)", "threetwo"},
		"an unknown name stays":                  {"$(NOPE)/$(B)", "$(NOPE)/two"},
		"a doubled dollar escapes":               {"$$(A)", "$(A)"},
		"an empty value is a value":              {"<$(EMPTY)>", "<>"},
		"a dollar alone stays":                   {"5$ or $A", "5$ or $A"},
		"an unclosed name stays":                 {"$(A", "$(A"},
		"what is put in is not looked at again":  {"$(B)", "two"},
		"text without dollars is returned as is": {"plain", "plain"},
		"a trailing dollar stays":                {"end$", "end$"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := expand(c.text, lookup); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

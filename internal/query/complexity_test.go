package query

import (
	"strings"
	"testing"
)

func TestDeepQueriesAreRefused(t *testing.T) {
	const start = "sum(up{ {{canary}} })"
	many := func(n int, text string) string { return strings.Repeat(text, n) }
	for name, tc := range map[string]struct{ query, want string }{
		"a chain of operators":                {start + many(500, "+a"), ""},
		"a longer one":                        {start + many(501, "+a"), "line 1, column 1022: more than 500 operators and ranges; split the query"},
		"one of words":                        {start + many(501, " or a"), "more than 500 operators"},
		"signs":                               {many(501, "-") + start, "more than 500 operators"},
		"powers, which lean the other way":    {"1" + many(501, "^1") + "*" + start, "more than 500 operators"},
		"subqueries":                          {start + many(501, "[1m:]"), "more than 500 operators and ranges"},
		"parentheses":                         {many(99, "(") + start + many(99, ")"), ""},
		"more of them":                        {many(100, "(") + start + many(100, ")"), "line 1, column 104: more than 100 parentheses within each other"},
		"calls":                               {many(100, "abs(") + start + many(100, ")"), "more than 100 parentheses"},
		"parentheses beside each other":       {start + many(400, "+(a)"), ""},
		"matchers are no operators":           {`sum(up{ {{canary}}` + many(600, `,a!="b"`) + "})", ""},
		"what stands in strings and comments": {`sum(up{ {{canary}}, a="` + many(600, "(+") + `"}) #` + many(600, "(+"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tc.query)
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

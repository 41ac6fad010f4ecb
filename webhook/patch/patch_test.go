package patch

import (
	"encoding/json"
	"testing"
)

func TestAPatchNamesOnlyWhatChanges(t *testing.T) {
	type object = map[string]any
	for sentence, c := range map[string]struct {
		sent, want object
		patch      string
	}{
		"nothing changes":                     {object{"a": "1"}, object{"a": "1"}, `null`},
		"nothing is there, nothing is wanted": {nil, object{}, `null`},
		"nothing is there":                    {nil, object{"a": "1"}, `[{"op":"add","path":"/x","value":{"a":"1"}}]`},
		"fields come, change and go": {object{"b": "1", "c": "1", "d": "1"}, object{"a": "1", "b": "2", "d": "1"},
			`[{"op":"add","path":"/x/a","value":"1"},{"op":"add","path":"/x/b","value":"2"},{"op":"remove","path":"/x/c"}]`},
		"all fields go":               {object{"a": "1"}, nil, `[{"op":"remove","path":"/x/a"}]`},
		"a null comes":                {object{"b": "1"}, object{"a": nil, "b": "1"}, `[{"op":"add","path":"/x/a","value":null}]`},
		"a name has a slash, a tilde": {object{"a/b~c": "1"}, object{}, `[{"op":"remove","path":"/x/a~1b~0c"}]`},
	} {
		t.Run(sentence, func(t *testing.T) {
			got, err := json.Marshal(Fields("/x", c.sent, c.want))
			if err != nil || string(got) != c.patch {
				t.Errorf("got %s (%v), want %s", got, err, c.patch)
			}
		})
	}
}

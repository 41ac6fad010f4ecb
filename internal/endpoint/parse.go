package endpoint

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/plaintext"
)

// MaxLength is the longest file that is parsed, in bytes.
const MaxLength = 1 << 20

// file is the whole of it.
type file struct {
	Endpoints []Definition `json:"endpoints"`
}

// Parse reads a file of endpoints, strictly: a key that is not known or stands
// twice is a mistake. It returns the endpoints, with defaults, or every mistake
// that was found.
func Parse(text []byte, labels PodLabels) ([]Definition, field.ErrorList) {
	if len(text) > MaxLength {
		return nil, field.ErrorList{field.TooLong(field.NewPath("endpoints"), "", MaxLength)}
	}
	var f file
	if errs := unmarshal(text, &f); len(errs) > 0 {
		return nil, errs
	}
	path := field.NewPath("endpoints")
	if len(f.Endpoints) == 0 {
		return nil, field.ErrorList{field.Required(path, "the file defines no endpoint; leave out --prometheus-endpoints to have none")}
	}
	var errs field.ErrorList
	var names []string
	for i := range f.Endpoints {
		e := &f.Endpoints[i]
		if e.Name != "" && slices.Contains(names, e.Name) {
			errs = append(errs, field.Duplicate(path.Index(i).Child("name"), e.Name))
		}
		names = append(names, e.Name)
		e.SetDefaults(labels)
		errs = append(errs, e.validate(path.Index(i))...)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return f.Endpoints, nil
}

// unmarshal decodes YAML into f, with a mistake for each key that is not known.
func unmarshal(text []byte, f *file) field.ErrorList {
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return field.ErrorList{unreadable(err)}
	}
	strict, err := json.UnmarshalStrict(data, f)
	if err != nil {
		return field.ErrorList{unreadable(err)}
	}
	var out field.ErrorList
	for _, err := range strict {
		out = append(out, unreadable(err))
	}
	return out
}

func unreadable(err error) *field.Error {
	text := strings.TrimPrefix(err.Error(), "json: ")
	return field.Invalid(field.NewPath("endpoints"), field.OmitValueType{}, plaintext.Cut(strings.Join(strings.Fields(text), " "), 300))
}

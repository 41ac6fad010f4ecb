package replay

import (
	_ "embed"
	"sync"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/merge"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"holdfast.dev/holdfast/internal/hold"
)

//go:embed zz_generated.schema.yaml
var schemaYAML string

// podTemplate is the type of pod templates: which lists are merged, and by
// which keys. Fields that are newer than the schema are merged by their look.
var podTemplate = sync.OnceValue(func() typed.ParseableType {
	parser, err := typed.NewParser(typed.YAMLObject(schemaYAML))
	if err != nil {
		panic(err) // it is part of the program
	}
	return parser.Type("io.k8s.api.core.v1.PodTemplateSpec")
})

// typedTemplate allows what the API server allows in stored objects, such as
// two variables of one name.
func typedTemplate(t hold.Template) (*typed.TypedValue, error) {
	if t == nil {
		t = hold.Template{}
	}
	return podTemplate().FromUnstructured(t, typed.AllowDuplicates)
}

// oneVersion says that all versions of Deployments have the same pod templates.
type oneVersion struct{}

func (oneVersion) Convert(v *typed.TypedValue, _ fieldpath.APIVersion) (*typed.TypedValue, error) {
	return v, nil
}

func (oneVersion) IsMissingVersionError(error) bool { return false }

func updater() *merge.Updater {
	return (&merge.UpdaterBuilder{Converter: oneVersion{}, ReturnInputOnNoop: true}).BuildUpdater()
}

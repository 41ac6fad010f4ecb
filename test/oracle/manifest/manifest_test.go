package manifest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/test/oracle/sequence"
	"holdfast.dev/holdfast/test/oracle/sequence/sequencetest"
)

// everything has one word for each setting.
const everything = "image=v1 args=a,b ready=/r live=/l policy=Always env.A=1 port.http=80 request.cpu=1m limit.cpu=1 volume.tmp=1Mi side=s init=i " +
	"label.a=b annotation.a=b toleration.a=b select.a=b grace=1 dns=Default host=h user=1 meta-label.a=b meta-annotation.a=b " +
	"replicas=2 minready=0 history=1 deadline=9 strategy=Recreate"

func TestEverySettingIsAFieldOfADeployment(t *testing.T) {
	all := sequencetest.Words(t, everything)
	if len(all) != len(settings) {
		t.Fatalf("%d settings are tried, there are %d", len(all), len(settings))
	}
	for _, w := range all {
		t.Run(w.String(), func(t *testing.T) {
			data, err := YAML([]sequence.Word{w})
			if err != nil {
				t.Fatal(err)
			}
			if err := yaml.UnmarshalStrict(data, &appsv1.Deployment{}); err != nil {
				t.Errorf("%v in\n%s", err, data)
			}
			base, err := YAML(nil)
			if err != nil {
				t.Fatal(err)
			}
			if string(base) == string(data) {
				t.Error("it changes nothing")
			}
			edited, err := EditYAML(base, []sequence.Word{w})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(data), string(edited)); diff != "" {
				t.Errorf("edited is not as rendered (-rendered +edited):\n%s", diff)
			}
		})
	}
}

func TestASettingThatIsDroppedLeavesTheOthers(t *testing.T) {
	got, err := YAML(sequencetest.Words(t, "env.A=1 env.B=2 volume.x=1Mi side=s env.A- volume.x- side-"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := YAML(sequencetest.Words(t, "env.B=2"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPatch(t *testing.T) {
	for name, tc := range map[string]struct {
		verb       sequence.Verb
		line, want string
	}{
		"a strategic patch names the container": {sequence.PatchStrategic, "image=v2",
			`{"spec":{"template":{"spec":{"containers":[{"image":"holdfast.test/app:v2","name":"app"}]}}}}`},
		"a strategic patch deletes by directive": {sequence.PatchStrategic, "env.A-",
			`{"spec":{"template":{"spec":{"containers":[{"env":[{"$patch":"delete","name":"A"}],"name":"app"}]}}}}`},
		"a merge patch has lists whole": {sequence.PatchMerge, "env.A=1",
			`{"spec":{"template":{"spec":{"containers":[{"env":[{"name":"A","value":"1"}],"image":"holdfast.test/app:base","name":"app"}]}}}}`},
		"a merge patch drops by null": {sequence.PatchMerge, "label.a-",
			`{"spec":{"template":{"metadata":{"labels":{"a":null}}}}}`},
		"a JSON patch knows containers by their place": {sequence.PatchJSON, "image=v2",
			`[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"holdfast.test/app:v2"}]`},
		"a JSON patch drops by removing": {sequence.PatchJSON, "annotation.a-",
			`[{"op":"remove","path":"/spec/template/metadata/annotations/a"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Patch(tc.verb, sequencetest.Words(t, tc.line))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"a setting there is not":         "colour=red",
		"a number that is none":          "grace=soon",
		"dropping a setting there isn't": "colour-",
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := Render(sequencetest.Words(t, line)); err == nil {
				t.Errorf("made %v", d)
			}
		})
	}
}

package stage

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

func TestInvocations(t *testing.T) {
	for line, want := range map[string][]string{
		"create image=v1":                               {"kubectl create -f -"},
		"apply image=v1":                                {"kubectl apply -f -"},
		"server-apply by=owner image=v1":                {"kubectl apply -f - --server-side --field-manager=owner"},
		"server-apply by=ci image=v1":                   {"kubectl apply -f - --server-side --field-manager=ci --force-conflicts"},
		"replace image=v1":                              {"kubectl replace -f -"},
		"recreate with=apply image=v1":                  {"kubectl delete deployment/web", "kubectl apply -f -"},
		"set-image image=v2 side=s2":                    {"kubectl set image deployment/web app=holdfast.test/app:v2 side=holdfast.test/side:s2"},
		"set-env env.A=1 env.B-":                        {"kubectl set env deployment/web --containers=app A=1 B-"},
		"set-resources request.cpu=1m limit.memory=1Gi": {"kubectl set resources deployment/web --containers=app --requests=cpu=1m --limits=memory=1Gi"},
		"patch-json grace=5":                            {`kubectl patch deployment/web --type=json --patch=[{"op":"add","path":"/spec/template/spec/terminationGracePeriodSeconds","value":5}]`},
		"edit image=v2 env.A-":                          {"kubectl edit deployment/web"},
		"reread-replace image=v2":                       {"kubectl get deployment/web -o yaml", "kubectl replace -f -"},
		"reread-apply image=v2":                         {"kubectl get deployment/web -o yaml", "kubectl apply -f -"},
		"reread-server by=ci image=v2":                  {"kubectl get deployment/web -o yaml", "kubectl apply -f - --server-side --force-conflicts --field-manager=ci"},
		"scale replicas=2":                              {"kubectl scale deployment/web --replicas=2"},
		"autoscale min=1 max=3":                         {"kubectl autoscale deployment/web --min=1 --max=3"},
		"label meta-label.a=b meta-label.c-":            {"kubectl label deployment/web --overwrite a=b c-"},
		"annotate meta-annotation.a=b":                  {"kubectl annotate deployment/web --overwrite a=b"},
		"undo":                                          {"kubectl rollout undo deployment/web"},
		"undo to=2":                                     {"kubectl rollout undo deployment/web --to-revision=7"},
		"restart":                                       {"kubectl rollout restart deployment/web"},
		"helm3 image=v1":                                {"helm3 upgrade --install web chart --take-ownership"},
		"helm4 image=v1":                                {"helm4 upgrade --install web chart --take-ownership --server-side=true --force-conflicts"},
		"helm3-rollback":                                {"helm3 rollback web"},
		"helm4-rollback to=2":                           {"helm4 rollback web --server-side=true --force-conflicts 2"},
	} {
		t.Run(line, func(t *testing.T) {
			c, err := sequence.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			all, err := invocations(c, situation{editor: "ed", revision: 7})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range all {
				got = append(got, i.program+" "+strings.Join(i.args, " "))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryVerbButTheEvaluatorsIsInvoked(t *testing.T) {
	for _, verb := range sequence.Verbs() {
		c := sequence.Command{Verb: verb, Words: []sequence.Word{{Key: sequence.With, Value: "apply"}}}
		if _, err := invocations(c, situation{}); (err != nil) != (verb == sequence.Release || verb == sequence.Revert) {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

func TestTheEditorIsToldItsSettings(t *testing.T) {
	c, err := sequence.Parse("edit image=v2 env.A-")
	if err != nil {
		t.Fatal(err)
	}
	all, err := invocations(c, situation{editor: "ed"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"KUBE_EDITOR=ed", "HOLDFAST_ORACLE_EDIT=image=v2 env.A-"}, all[0].env); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

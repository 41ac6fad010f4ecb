package promql

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/plaintext"
)

// FuzzAnswer reads whatever a server sends: nothing panics, what it says is short
// and fit to be shown, and there is never a value where something was wrong.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		success("vector", `[{"metric":{"a":"\u001b[2J"},"value":[1,"1"]},{"metric":{"__name__":"x"},"value":[1,"NaN"]}]`), success("scalar", `[1,"1"]`),
		success("matrix", `[{"metric":{},"values":[[1,"1"],[2,"+Inf"]]}]`), success("vector", `[null]`), success("string", `[1,"x"]`),
		`{"status":"error","errorType":"bad_data","error":"1:2: parse\nerror\u202e"}`, `{"status":"success","warnings":["a\nb"],"infos":["c"],"data":{}}`,
		`<html>Bad Gateway</html>`, `{"status":"error","errorType":"x y","error":"secret"}`, `{"data":{"resultType":"vector","result":{}}}`, `[[[[`,
	} {
		for _, status := range []int{200, 400, 422, 502} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		r, err := read(status, []byte(body))
		var out analysis.Answer
		if err == nil {
			if decodeErr := decode(r.Data, func(string) bool { return true }, 1<<30, &out); decodeErr != nil {
				err = &serverError{kindBadResponse, decodeErr.Error()}
			}
		}
		told := append(append([]string{}, r.Warnings...), r.Infos...)
		if err != nil {
			told = append(told, message(kindOf(err), "default", err, 0))
		}
		for _, s := range out.Series {
			told = append(told, s.Labels)
			for _, sample := range s.Samples {
				if math.Abs(float64(sample.Time.Unix())) > 1e11 {
					t.Fatalf("a sample of %s", sample.Time)
				}
			}
		}
		for _, text := range told {
			if len(text) > maxLabels || plaintext.Line(text, maxLabels) != text {
				t.Fatalf("not fit to be shown: %q", text)
			}
		}
		if out.WrongType != "" && len(out.Series) > 0 {
			t.Fatalf("%s, and has series", out.WrongType)
		}
		if err == nil && status != http.StatusOK {
			t.Fatalf("HTTP status %d was taken for an answer: %s", status, body)
		}
	})
}

// TestNoBodyIsEchoed: whatever page comes back, none of it is shown; of an error
// of Prometheus's form a part is.
func TestNoBodyIsEchoed(t *testing.T) {
	const secret = "AKIAIOSFODNN7EXAMPLE"
	for name, tc := range map[string]struct {
		status int
		body   string
	}{
		"a page":                               {200, secret},
		"an error page":                        {500, secret},
		"a refusal":                            {403, secret},
		"not found":                            {404, `{"error":"` + secret + `"}`},
		"a redirect":                           {302, secret},
		"credentials as a cloud serves them":   {200, `{"Code":"Success","AccessKeyId":"` + secret + `"}`},
		"an object of Kubernetes":              {200, `{"kind":"Secret","data":{"a":"` + secret + `"}}`},
		"a refusal of Kubernetes":              {403, `{"kind":"Status","status":"Failure","message":"` + secret + `"}`},
		"a status of its own":                  {200, `{"status":"` + secret + `"}`},
		"a type of its own":                    {200, success(secret, `[]`)},
		"a value of its own":                   {200, success("scalar", `[1,"`+secret+`"]`)},
		"a number where there should be none":  {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":4111111111111111}}]}}`},
		"an error of a type that there is not": {400, `{"status":"error","errorType":"a ` + secret + `","error":"` + secret + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := askAt(t, server(t, replies(tc.status, tc.body)))
			if got.Error == "" || containsAny(got.Error+got.WrongType, secret, "4111111111111111") {
				t.Errorf("told: %q %q", got.Error, got.WrongType)
			}
		})
	}
}

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

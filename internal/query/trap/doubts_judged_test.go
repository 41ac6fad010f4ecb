package trap

import (
	"math"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// These are plans that look right and let a canary pass of whose requests half fail, and
// beside each what people write who mean it.

// some is a rate of some requests of the canary, with more matchers.
func some(matchers string) string {
	return `sum(rate(r_total{ {{canary}}, ` + matchers + ` }[2m]))`
}

const (
	requests = `sum(rate(r_total{ {{canary}} }[2m]))`
	guarded  = `(` + requests + ` > 0)`
	noLimit  = math.MaxFloat64 // an end that a range has not
)

// judgedCases are queries with min and max, the kinds of what is told, and words of the first.
func judgedCases() map[string]struct {
	query    string
	min, max float64
	kind     string
	says     string
} {
	failed, good := some(`code=~"5.."`), some(`code=~"2.."`)
	share := failed + " / " + guarded
	wanted := good + " / " + guarded
	each := `sum by (pod) (rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum by (pod) (rate(r_total{ {{canary}} }[2m])) > 0)`
	eachWanted := strings.Replace(each, "5..", "2..", 1)
	return map[string]struct {
		query    string
		min, max float64
		kind     string
		says     string
	}{
		"errors among the good":                 {some(`code=~"2..|5.."`) + " / " + guarded, 0.95, noLimit, doubtStatus, `query: code=~"2..|5.." takes requests that failed, such as those with 500, for good ones; write what is good, as in code=~"[1-4].."`},
		"by a class of digits":                  {some(`code=~"[25].."`) + " / " + guarded, 0.95, noLimit, doubtStatus, "takes requests that failed"},
		"by any three letters":                  {some(`code=~"..."`) + " / " + guarded, 0.95, noLimit, doubtStatus, "takes requests that failed"},
		"by what they are not":                  {some(`code!~"4.."`) + " / " + guarded, 0.95, noLimit, doubtStatus, "such as those with 500"},
		"by some that they are not":             {some(`status!~"500|503"`) + " / " + guarded, 0.95, noLimit, doubtStatus, "such as those with 502"},
		"by two matchers":                       {some(`code!~"4..",code=~"[2345].."`) + " / " + guarded, 0.95, noLimit, doubtStatus, "such as those with 500"},
		"in percent, turned":                    {"100 - 100 * " + some(`code=~"2..|5.."`) + " / " + guarded, noLimit, 5, doubtStatus, "takes requests that failed"},
		"less than nothing of them":             {"1 + -" + some(`code=~"4.."`) + " / " + guarded, 0.95, noLimit, doubtStatus, "takes no request for a bad one"},
		"added to the good":                     {"(" + good + " + " + failed + ") / " + guarded, 0.95, noLimit, doubtStatus, `code=~"5.." takes requests that failed`},
		"one or the other":                      {`sum(rate(r_total{ {{canary}}, code=~"2.." }[2m]) or rate(r_total{ {{canary}}, code=~"5.." }[2m])) / ` + guarded, 0.95, noLimit, doubtStatus, `code=~"5.." takes requests that failed`},
		"all but the clients' faults":           {"(" + requests + " - " + some(`code=~"4.."`) + ") / " + guarded, 0.95, noLimit, doubtStatus, `code=~"4.." takes no request for a bad one that failed by the server's fault`},
		"all unless the clients' faults":        {`sum(rate(r_total{ {{canary}} }[2m]) unless rate(r_total{ {{canary}}, code=~"4.." }[2m])) / ` + guarded, 0.95, noLimit, doubtStatus, "takes no request for a bad one"},
		"a share without the failures":          {good + " / (" + some(`code!~"5.."`) + " > 0)", 0.95, noLimit, doubtStatus, `has no failures in it, by code!~"5.."`},
		"a share of a sum without the failures": {good + " / ((" + good + " + " + some(`code=~"4.."`) + ") > 0)", 0.95, noLimit, doubtStatus, "a share of a sum that has no failures in it"},
		"of another counter":                    {`sum(rate(d_seconds_count{ {{canary}}, code=~"2..|5.." }[2m])) / ` + guarded, 0.95, noLimit, doubtStatus, "takes requests that failed"},
		"as they are recorded":                  {`min(pod:r:ratio_rate5m{ {{canary}}, code=~"2..|5.." })`, 0.95, noLimit, doubtStatus, "takes requests that failed"},
		"with a number lest it is zero":         {some(`code=~"2..|5.."`) + " / (" + requests + " + 1)", 0.95, noLimit, doubtStatus, "takes requests that failed"},
		"if there is traffic":                   {"(" + some(`code=~"2..|5.."`) + " and on () " + requests + " > 10) / " + guarded, 0.95, noLimit, doubtStatus, "takes requests that failed"},
		"fast ones that failed":                 {`sum(rate(d_bucket{ {{canary}}, le="0.5", code=~"2..|5.." }[2m])) / (sum(rate(d_count{ {{canary}} }[2m])) > 0)`, 0.95, noLimit, doubtStatus, "takes requests that failed"},
		"fast ones of the good":                 {`sum(rate(d_bucket{ {{canary}}, le="0.5", code=~"2.." }[2m])) / (sum(rate(d_count{ {{canary}}, code=~"2.." }[2m])) > 0)`, 0.95, noLimit, "", ""},
		"successes and failures together":       {`sum(rate(j_success_total{ {{canary}} }[2m])) / ((sum(rate(j_success_total{ {{canary}} }[2m])) + sum(rate(j_failures_total{ {{canary}} }[2m]))) > 0)`, 95, noLimit, doubtNone, "95% is min 0.95"},
		"good ones, two classes":                {some(`code=~"2..|3.."`) + " / " + guarded, 0.95, noLimit, "", ""},
		"good ones, added":                      {"(" + good + " + " + some(`code=~"3.."`) + ") / " + guarded, 0.95, noLimit, "", ""},
		"all but failures":                      {"(" + requests + " - " + failed + ") / " + guarded, 0.95, noLimit, "", ""},
		"all but failures, to the top":          {"(" + requests + " - " + failed + ") / " + guarded, 0.95, 1, "", ""},
		"good ones of what is no fault of us":   {some(`code=~"2.."`) + " / (" + some(`code!~"4.."`) + " > 0)", 0.95, noLimit, "", ""},
		"names of gRPC":                         {some(`grpc_code="OK"`) + " / " + guarded, 0.95, noLimit, "", ""},
		"names of gRPC that failed":             {some(`grpc_code=~"Internal|Unavailable|Unknown"`) + " / " + guarded, noLimit, 0.05, "", ""},
		"numbers of gRPC that failed":           {some(`grpc_status=~"2|13|14"`) + " / " + guarded, noLimit, 0.05, "", ""},
		"clients' faults alone":                 {some(`code=~"4.."`) + " / " + guarded, noLimit, 0.05, doubtStatus, `and no other metric does; write code=~"5..", or give the plan one that does`},
		"one of them":                           {some(`code="404"`) + " / " + guarded, noLimit, 0.05, doubtStatus, "takes no request for a bad one"},
		"both faults":                           {some(`code=~"[45].."`) + " / " + guarded, noLimit, 0.05, "", ""},
		"failures of what stands before it":     {some(`code=~"502|503|504"`) + " / " + guarded, noLimit, 0.05, doubtStatus, `code=~"502|503|504" takes no request for a bad one that failed by the server's fault, such as one with 500, and no other metric does; write code=~"5.."`},
		"one of them only":                      {some(`code="503"`) + " / " + guarded, noLimit, 0.05, doubtStatus, "such as one with 500"},
		"how many of them":                      {some(`code="503"`), noLimit, 0.05, doubtStatus, "such as one with 500"},
		"how many failed":                       {some(`code=~"5.."`), noLimit, 0.05, "", ""},
		"how many were asked for in vain":       {some(`code="404"`), 1, noLimit, "", ""},
		"clients' faults and a gateway's":       {some(`code=~"4..|503"`) + " / " + guarded, noLimit, 0.05, doubtStatus, "such as one with 500"},
		"some failures, with the usual one":     {some(`code=~"500|503"`) + " / " + guarded, noLimit, 0.05, "", ""},
		"one failure":                           {some(`code="500"`) + " / " + guarded, noLimit, 0.05, "", ""},
		"a class as a text":                     {some(`code="5xx"`) + " / " + guarded, noLimit, 0.05, doubtStatus, `query: code="5xx" is of the very text "5xx", which no status such as 503 is; write code=~"5..", which takes both`},
		"a class as a pattern":                  {some(`code=~"4xx|5xx"`) + " / " + guarded, noLimit, 0.05, doubtStatus, `write code=~"4..|5.."`},
		"a digit as a pattern":                  {some(`code=~"5"`) + " / " + guarded, noLimit, 0.05, doubtStatus, `write code=~"5.."`},
		"a pattern as a text":                   {some(`code="5.."`) + " / " + guarded, noLimit, 0.05, doubtStatus, `write code=~"5.."`},
		"a list as a text":                      {some(`code="500|503"`) + " / " + guarded, noLimit, 0.05, doubtStatus, `write code=~"500|503"`},
		"a pattern that excludes, as a text":    {some(`code!="5.."`) + " / " + guarded, 0.95, noLimit, doubtStatus, `write code!~"5.."`},
		"a class that excludes":                 {some(`code!~"5xx"`) + " / " + guarded, 0.95, noLimit, doubtStatus, `write code!~"5.."`},
		"a class, and its pattern":              {some(`code=~"5..|5xx"`) + " / " + guarded, noLimit, 0.05, "", ""},
		"a label of classes":                    {some(`envoy_response_code_class="5"`) + " / " + guarded, noLimit, 0.05, "", ""},
		"an exporter of classes":                {`sum(rate(haproxy_backend_http_responses_total{ {{canary}}, code="5xx" }[2m])) / (sum(rate(haproxy_backend_http_responses_total{ {{canary}} }[2m])) > 0)`, noLimit, 0.05, "", ""},
		"a status with its words":               {some(`code="503 Service Unavailable"`) + " / " + guarded, noLimit, 0.05, "", ""},
		"percent before the division":           {good + " * 100 / " + guarded, 0.99, noLimit, doubtUnits, "min 0.99 is 0.99%, because the query gives percent; for 99% write 99"},
		"percent by the divisor":                {good + " / (" + requests + " / 100 > 0)", 0.99, noLimit, doubtUnits, "for 99% write 99"},
		"percent by a vector":                   {"vector(100) * " + wanted, 0.99, noLimit, doubtUnits, "for 99% write 99"},
		"percent in two steps":                  {"10 * (10 * " + wanted + ")", 0.99, noLimit, doubtUnits, "for 99% write 99"},
		"percent of what is left":               {"100 * (" + requests + " - " + failed + ") / " + guarded, 0.99, noLimit, doubtUnits, "for 99% write 99"},
		"percent by names":                      {`100 * sum(rate(http_success_total{ {{canary}} }[2m])) / (sum(rate(http_requests_total{ {{canary}} }[2m])) > 0)`, 0.99, noLimit, doubtUnits, "for 99% write 99"},
		"of a thousand":                         {"1000 * " + wanted, 0.99, noLimit, doubtLax, "range.min: 0.99 lets all others fail: the value is the share of successes times 1000"},
		"a tenth":                               {"0.1 * " + share, noLimit, 0.05, doubtLax, "the share of failures times 0.1"},
		"a thousand, as it is meant":            {"1000 * " + wanted, 990, noLimit, "", ""},
		"percent, as it is meant":               {good + " * 100 / " + guarded, 99, noLimit, "", ""},
		"a share, and another window":           {strings.Replace(share, "[2m]", "[5m]", 1), noLimit, 5, doubtUnits, "5% is max 0.05"},
		"a floor":                               {"floor(" + share + ")", noLimit, 0.05, doubtLax, "query: behind floor(…) the range is kept by a canary of whose requests up to 100% fail; leave it out"},
		"a ceiling":                             {"ceil((" + wanted + "))", 0.95, noLimit, doubtLax, "behind ceil(…) the range is kept by a canary of whose requests hardly more than 0% succeed"},
		"rounded":                               {"round(" + share + ")", noLimit, 0.05, doubtLax, "up to 50% fail"},
		"rounded, turned":                       {"1 - round(" + share + ")", 0.95, noLimit, doubtLax, "up to 50% fail"},
		"rounded, in percent":                   {"100 * round(" + share + ")", noLimit, 5, doubtLax, "up to 50% fail"},
		"rounded for each pod":                  {`avg(round(sum by (pod) (rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum by (pod) (rate(r_total{ {{canary}} }[2m])) > 0)))`, noLimit, 0.05, doubtLax, "up to 50% fail"},
		"rounded, over time":                    {"max_over_time(round(" + share + ")[5m:1m])", noLimit, 0.05, doubtLax, "up to 50% fail"},
		"a rate without its fraction":           {"floor(" + failed + ") / " + guarded, noLimit, 0.05, doubtLax, "floor(…) makes 0 of a rate that is less than one each second"},
		"an increase without its fraction":      {"round(" + strings.Replace(failed, "rate", "increase", 1) + ") / (" + strings.Replace(requests, "rate", "increase", 1) + " > 0)", noLimit, 0.05, "", ""},
		"what is left by a number":              {"(" + share + ") % 0.05", noLimit, 0.05, doubtEvery, "from 0 to 0.05"},
		"the best pod":                          {`min(sum by (pod) (rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum by (pod) (rate(r_total{ {{canary}} }[2m])) > 0))`, noLimit, 0.05, doubtLax, "min(…) is the best of several series, such as of pods, and hides how bad the others are; take max(…)"},
		"the best pod's successes":              {`max(pod:http_success:ratio_rate5m{ {{canary}} })`, 0.95, noLimit, doubtLax, "take min(…)"},
		"the best of the pods":                  {"bottomk(1, " + each + ")", noLimit, 0.05, doubtLax, "bottomk(…) is the best of several series, such as of pods, and hides how bad the others are; take max(…)"},
		"the best pods":                         {"sum(bottomk(2, " + each + "))", noLimit, 0.05, doubtLax, "bottomk(…) is the best"},
		"the best of the pods' successes":       {"topk(1, " + eachWanted + ")", 0.95, noLimit, doubtLax, "topk(…) is the best of several series, such as of pods, and hides how bad the others are; take min(…)"},
		"a low quantile of the pods":            {"quantile(0.1, " + each + ")", noLimit, 0.05, doubtLax, "quantile(…) is the best of several series"},
		"a high quantile of their successes":    {"quantile(0.9, " + eachWanted + ")", 0.95, noLimit, doubtLax, "take min(…)"},
		"the best pod, in percent":              {"100 * min(" + each + ")", noLimit, 5, doubtLax, "min(…) is the best"},
		"the best moment":                       {"min_over_time((" + share + ")[20s:1s])", noLimit, 0.05, doubtLax, "min_over_time(…) is the best moment of its window, and hides how bad the canary was in the others; take avg_over_time(…) or max_over_time(…)"},
		"the best moment of what is left":       {"1 - min_over_time((" + share + ")[5m:15s])", 0.95, noLimit, doubtLax, "min_over_time(…) is the best moment"},
		"the best moment of successes":          {"max_over_time((" + wanted + ")[20s:1s])", 0.95, noLimit, doubtLax, "max_over_time(…) is the best moment of its window, and hides how bad the canary was in the others; take avg_over_time(…) or min_over_time(…)"},
		"a low quantile of the moments":         {"quantile_over_time(0.1, (" + share + ")[5m:15s])", noLimit, 0.05, doubtLax, "quantile_over_time(…) is the best moment"},
		"a high quantile of their successes'":   {"quantile_over_time(0.9, (" + wanted + ")[5m:15s])", 0.95, noLimit, doubtLax, "quantile_over_time(…) is the best moment"},
		"the best moment of a recorded share":   {"max(min_over_time(pod:http_errors:ratio_rate1m{ {{canary}} }[5m]))", noLimit, 0.05, doubtLax, "min_over_time(…) is the best moment"},
		"the best moment of a duration":         {"min_over_time(" + p99 + "[5m:15s])", noLimit, 0.3, doubtLax, "min_over_time(…) is the best moment"},
		"a low quantile of requests":            {strings.Replace(p99, "0.99", "0.2", 1), noLimit, 0.3, doubtLax, "histogram_quantile(0.2, …) with a max lets 80% of the requests take any time"},
		"the quickest of them, in milliseconds": {"1000 * " + strings.Replace(p99, "0.99", "0.01", 1), noLimit, 300, doubtLax, "lets 99% of the requests take any time"},
		"the quickest, of no unit":              {`histogram_quantile(0.1, sum by (le) (rate(request_latency_bucket{ {{canary}} }[2m])))`, noLimit, 0.3, doubtLax, "lets 90% of the requests take any time"},
		"the smallest of what is sent":          {`histogram_quantile(0.1, sum by (le) (rate(response_size_bytes_bucket{ {{canary}} }[2m])))`, noLimit, 1000, "", ""},
		"the median of requests":                {strings.Replace(p99, "0.99", "0.5", 1), noLimit, 0.3, "", ""},
		"the quick ones, within two ends":       {strings.Replace(p99, "0.99", "0.1", 1), 0.001, 0.3, "", ""},
		"how far quick and slow are apart":      {p99 + " - " + strings.Replace(p99, "0.99", "0.1", 1), noLimit, 0.3, "", ""},
		"how far the pods are apart":            {"max(" + each + ") - min(" + each + ")", noLimit, 0.05, "", ""},
		"the worst pods":                        {"max(topk(2, " + each + "))", noLimit, 0.05, "", ""},
		"the median of the pods":                {"quantile(0.5, " + each + ")", noLimit, 0.05, "", ""},
		"a high quantile of the pods":           {"quantile(0.9, " + each + ")", noLimit, 0.05, "", ""},
		"one of one":                            {"bottomk(1, " + share + ")", noLimit, 0.05, "", ""},
		"the best of each path, and the worst":  {`max(min by (path) (sum by (pod, path) (rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum by (pod, path) (rate(r_total{ {{canary}} }[2m])) > 0)))`, noLimit, 0.05, "", ""},
		"the worst moment":                      {"max_over_time((" + share + ")[5m:15s])", noLimit, 0.05, "", ""},
		"the worst moment of successes":         {"min_over_time((" + wanted + ")[5m:15s])", 0.95, noLimit, "", ""},
		"a high quantile of the moments":        {"quantile_over_time(0.9, (" + share + ")[5m:15s])", noLimit, 0.05, "", ""},
		"the least memory of a while":           {`max(min_over_time(memory_bytes{ {{canary}} }[5m]))`, noLimit, 1e9, "", ""},
		"how many shares there are":             {"count(" + each + ")", noLimit, 1, doubtAside, "query: count(…) is how many series there are, whatever the share is; judge the share itself"},
		"how many of a single one":              {"count(" + share + ")", noLimit, 1, doubtAside, "count(…) is how many series there are"},
		"how many there were":                   {"count_over_time((" + share + ")[5m:15s])", noLimit, 30, doubtAside, "how many values there were"},
		"how far the pods' shares are apart":    {"stddev(" + each + ")", noLimit, 0.05, doubtAside, "stddev(…) is how far the series are apart, which is 0 where all are as bad and where there is one pod"},
		"their variance":                        {"stdvar(" + eachWanted + ")", noLimit, 0.05, doubtAside, "stdvar(…)"},
		"when a share was measured":             {"time() - timestamp(" + share + ")", noLimit, 60, doubtAside, "timestamp(…) is when it was measured"},
		"how a share rises":                     {"deriv((" + share + ")[5m:15s])", noLimit, 0.05, doubtAside, "deriv(…) is how much it changes, which is 0 where the canary is as bad all the time"},
		"how a recorded share rises":            {"max(delta(pod:http_errors:ratio_rate5m{ {{canary}} }[5m]))", noLimit, 0.05, doubtAside, "delta(…) is how much it changes"},
		"how a share sways":                     {"100 * stddev_over_time((" + share + ")[5m:15s])", noLimit, 5, doubtAside, "stddev_over_time(…)"},
		"the pods that fail":                    {"count((" + each + ") > 0.05)", noLimit, 1, "", ""},
		"an average, and how far others are":    {"avg(" + each + ") + 2 * stddev(" + each + ")", noLimit, 0.05, "", ""},
		"how the queue rises":                   {`max(deriv(queue{ {{canary}} }[5m]))`, noLimit, 5, "", ""},
		"how far durations are apart":           {`stddev(sum by (pod) (rate(d_seconds_sum{ {{canary}} }[2m])) / (sum by (pod) (rate(d_seconds_count{ {{canary}} }[2m])) > 0))`, noLimit, 0.3, "", ""},
		"how many pods there are":               {`count(up{ {{canary}} })`, 1, 5, "", ""},
		"beyond nine tenths":                    {"(" + share + ") - 0.9", noLimit, 0.05, doubtLax, "query: behind the number that is taken off the range is kept by a canary of whose requests up to 95% fail; leave it out"},
		"beyond nine tenths, in percent":        {"100 * ((" + share + ") - 0.9)", noLimit, 5, doubtLax, "up to 95% fail"},
		"less than nothing, added":              {"-0.9 + " + share, noLimit, 0.05, doubtLax, "up to 95% fail"},
		"good ones, and half of all":            {wanted + " + 0.5", 0.95, noLimit, doubtLax, "behind the number that is added the range is kept by a canary of whose requests hardly more than 45% succeed"},
		"what good ones lack of little":         {"0.1 - (" + wanted + ")", noLimit, 0.05, doubtLax, "behind the number that it is taken from the range is kept by a canary of whose requests hardly more than 5% succeed"},
		"beyond a twentieth":                    {"(" + share + ") - 0.05", noLimit, 0, "", ""},
		"good ones beyond the objective":        {"(" + wanted + ") - 0.99", 0, noLimit, "", ""},
		"what good ones lack of the objective":  {"0.99 - (" + wanted + ")", noLimit, 0, "", ""},
		"beyond a twentieth, in percent":        {"100 * (" + share + ") - 5", noLimit, 0, "", ""},
		"a queue beyond what is usual":          {`max(queue{ {{canary}} }) - 100`, noLimit, 50, "", ""},
		"the worst pod":                         {`max(sum by (pod) (rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum by (pod) (rate(r_total{ {{canary}} }[2m])) > 0))`, noLimit, 0.05, "", ""},
		"a sign":                                {"sgn(" + wanted + ")", 0.95, noLimit, doubtLax, "hardly more than 0% succeed"},
		"cut above its limit":                   {"100 * clamp_max(" + share + ", 0.05)", noLimit, 5, doubtEvery, "every canary keeps"},
		"a power":                               {"(" + share + ") ^ 5", noLimit, 0.05, doubtLax, "behind a power"},
		"a logarithm":                           {"ln(" + share + ")", noLimit, 0.05, doubtEvery, "the value is never positive"},
		"a logarithm, with an end below":        {"log10(" + share + ")", noLimit, -0.1, doubtLax, "behind log10(…) the range is kept by a canary of whose requests up to 79.43% fail"},
		"a logarithm, as it is meant":           {"log2(" + share + ")", noLimit, -5, "", ""},
		"an exponential":                        {"exp(" + share + ")", noLimit, 3, doubtEvery, "from 1 to 2.71828"},
		"an exponential of good ones":           {"exp(" + wanted + ")", 1.05, noLimit, doubtLax, "hardly more than 4.879% succeed"},
		"a hyperbolic tangent":                  {"tanh(" + share + ")", noLimit, 0.7, doubtLax, "up to 86.73% fail"},
		"an angle":                              {"atan(" + share + ")", noLimit, 0.7, doubtLax, "up to 84.23% fail"},
		"an angle of two":                       {failed + " atan2 " + guarded, noLimit, 0.7, doubtLax, "behind atan2 the range is kept by a canary of whose requests up to 84.23% fail"},
		"an angle that all have":                {failed + " atan2 " + guarded, noLimit, 0.8, doubtEvery, "from 0 to 0.785398"},
		"an angle, as it is meant":              {failed + " atan2 " + guarded, noLimit, 0.05, "", ""},
		"a wave":                                {`sin(sum(queue{ {{canary}} }))`, noLimit, 1, doubtEvery, "from -1 to 1"},
		"a power that all have":                 {"(" + share + ") ^ 5", noLimit, 1, doubtEvery, "from 0 to 1"},
		"a status that is rare":                 {some(`code="599"`) + " / " + guarded, noLimit, 0.05, doubtStatus, "such as one with 500"},
		"several that are rare":                 {some(`code=~"59."`) + " / " + guarded, noLimit, 0.05, doubtStatus, "such as one with 500"},
		"a rare one of clients":                 {some(`code="418"`) + " / " + guarded, noLimit, 0.05, doubtStatus, "such as one with 503"},
		"a rare one that is not to be":          {some(`code="505"`), noLimit, 0, doubtStatus, "such as one with 500"},
		"the code of an exit":                   {`sum(rate(exits_total{ {{canary}}, exit_code="1" }[2m]))`, noLimit, 0.05, "", ""},
		"stable's share less the canary's":      {strings.ReplaceAll(share, "canary", "stable") + " - " + share, noLimit, 0.02, doubtWrongEnd, "no lower end"},
		"the canary's share less stable's":      {share + " - " + strings.ReplaceAll(share, "canary", "stable"), noLimit, 0.02, "", ""},
		"stable's quantile by the canary's":     {p99Stable + " / (" + p99 + " > 0)", noLimit, 1.2, doubtWrongEnd, "no lower end"},
		"the canary's quantile by stable's":     {p99 + " / (" + p99Stable + " > 0)", noLimit, 1.2, "", ""},
		"seconds less seconds":                  {p99 + " - " + p99Stable, noLimit, 100, doubtUnits, "max 100 is 100 seconds"},
		"seconds less seconds, as meant":        {p99 + " - " + p99Stable, noLimit, 0.1, "", ""},
		"good ones of stable less the canary's": {strings.ReplaceAll(wanted, "canary", "stable") + " - " + wanted, noLimit, 0.05, "", ""},
		"a pattern of a beginning":              {some(`code=~"^5"`) + " / " + guarded, noLimit, 0.05, doubtStatus, "of no status that there is"},
		"numbers from one to another":           {some(`code=~"500-599"`) + " / " + guarded, noLimit, 0.05, doubtStatus, `write code=~"5.."`},
		"a class of characters":                 {some(`code=~"[500-599]"`) + " / " + guarded, noLimit, 0.05, doubtStatus, "of no status"},
		"a blank behind":                        {some(`code=~"5.. "`) + " / " + guarded, noLimit, 0.05, doubtStatus, "of no status"},
		"one digit too few":                     {some(`code=~"5[0-9]"`) + " / " + guarded, noLimit, 0.05, doubtStatus, "of no status"},
		"with commas":                           {some(`code=~"500,502,503"`) + " / " + guarded, noLimit, 0.05, doubtStatus, "of no status"},
		"all but a beginning":                   {some(`code!~"^5"`) + " / " + guarded, 0.95, noLimit, doubtStatus, "of no status"},
		"an application's own numbers":          {some(`code=~"1001|1002"`) + " / " + guarded, noLimit, 0.05, "", ""},
		"a truth":                               {"(" + share + ") > bool 0.9", noLimit, 0, doubtLax, "up to 90% fail; compare with another number"},
		"a truth, the other way round":          {"0.9 < bool (" + share + ")", noLimit, 0, doubtLax, "up to 90% fail"},
		"a truth of good ones":                  {"(" + wanted + ") >= bool 0.1", 1, noLimit, doubtLax, "hardly more than 10% succeed"},
		"a floor of seconds":                    {"floor(" + p99 + ")", noLimit, 0.3, doubtLax, "kept by a value up to 1"},
		"rounded to a thousandth":               {"round(" + share + ", 0.001)", noLimit, 0.05, "", ""},
		"rounded percent":                       {"round(100 * " + share + ")", noLimit, 5, "", ""},
		"a truth, as it is meant":               {"(" + share + ") > bool 0.05", noLimit, 0, "", ""},
		"a clamp that bounds nothing":           {"clamp(" + share + ", 0, 1)", noLimit, 0.05, "", ""},
		"a floor of a queue":                    {`floor(avg(queue{ {{canary}} }))`, noLimit, 5, "", ""},
		"failures less all":                     {failed + " - " + requests, noLimit, 0.05, doubtEvery, "the value is never positive"},
		"failures less all, by names":           {`sum(rate(http_errors_total{ {{canary}} }[2m])) - sum(rate(http_requests_total{ {{canary}} }[2m]))`, noLimit, 0.05, doubtEvery, "the value is never positive"},
		"failures less all, as a share":         {"(" + failed + " - " + requests + ") / " + guarded, noLimit, 0.05, doubtEvery, "from -1 to 0"},
		"the share less one":                    {"(" + share + ") - 1", noLimit, 0.05, doubtEvery, "from -1 to 0"},
		"less than nothing":                     {"-(" + share + ")", noLimit, 0.05, doubtEvery, "from -1 to 0"},
		"all less failures":                     {requests + " - " + failed, noLimit, 5, doubtWrongEnd, "no lower end"},
		"all less failures, from nothing":       {requests + " - " + failed, 0, noLimit, doubtEvery, "never negative"},
		"all less failures, so many":            {requests + " - " + failed, 5, noLimit, "", ""},
		"all less the good":                     {requests + " - " + good, noLimit, 5, "", ""},
		"failures beyond a twentieth":           {failed + " - 0.05 * " + requests, noLimit, 0, "", ""},
		"failures less those of stable":         {failed + " - " + strings.ReplaceAll(failed, "canary", "stable"), noLimit, 0.05, "", ""},
		"all by the failures":                   {requests + " / (" + failed + " > 0)", noLimit, 20, doubtWrongEnd, "no lower end"},
		"requests by how long they took":        {`sum(rate(d_seconds_count{ {{canary}} }[2m])) / (sum(rate(d_seconds_sum{ {{canary}} }[2m])) > 0)`, noLimit, 0.3, doubtWrongEnd, "no lower end"},
		"all of a native histogram":             {`histogram_fraction(0, +Inf, sum(rate(d_seconds{ {{canary}} }[2m])))`, 0.95, noLimit, doubtEvery, "the value is always 1"},
		"fast ones by the last bucket":          {`sum(rate(d_bucket{ {{canary}}, le="0.5" }[2m])) / (sum(rate(d_bucket{ {{canary}}, le="+Inf" }[2m])) > 0)`, 95, noLimit, doubtNone, "95% is min 0.95"},
		"fast ones by the last, as it is meant": {`sum(rate(d_bucket{ {{canary}}, le="0.5" }[2m])) / (sum(rate(d_bucket{ {{canary}}, le="+Inf" }[2m])) > 0)`, 0.95, noLimit, "", ""},
	}
}

func TestDoubtsOfWhatIsJudged(t *testing.T) {
	for name, tc := range judgedCases() {
		t.Run(name, func(t *testing.T) {
			m := v1alpha1.Metric{Query: tc.query}
			if tc.min != noLimit {
				m.Range.Min = &tc.min
			}
			if tc.max != noLimit {
				m.Range.Max = &tc.max
			}
			if _, err := query.Parse(tc.query); err != nil {
				t.Fatal(err)
			}
			got := doubts(m, given)
			if tc.kind == "" && len(got) > 0 || tc.kind != "" && (len(got) != 1 || got[0].kind != tc.kind || !strings.Contains(got[0].field+": "+got[0].message, tc.says)) {
				t.Errorf("got %+v, want %s: %s", got, tc.kind, tc.says)
			}
		})
	}
}

package notify

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	strictjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/plaintext"
)

// maxLength is the longest file that is parsed, in bytes.
const maxLength = 1 << 20

var (
	notifierName     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	namespacePattern = regexp.MustCompile(`^[-a-z0-9*?\[\]]+$`)
	alertLabel       = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// notifiersFile is the whole of it.
type notifiersFile struct {
	// Cluster is what messages call the cluster, for who is told of several.
	Cluster   string     `json:"cluster,omitempty"`
	Notifiers []Notifier `json:"notifiers"`
}

// parse reads a file of notifiers, strictly: a key that is not known or stands twice is a mistake. It returns
// them with defaults, or every mistake that was found. Kinds are those that there are.
func parse(text []byte, kinds []string) (notifiersFile, field.ErrorList) {
	at := field.NewPath("notifiers")
	if len(text) > maxLength {
		return notifiersFile{}, field.ErrorList{field.TooLong(at, "", maxLength)}
	}
	var f notifiersFile
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return notifiersFile{}, field.ErrorList{unreadable(err)}
	}
	strict, err := strictjson.UnmarshalStrict(data, &f)
	if err != nil {
		return notifiersFile{}, field.ErrorList{unreadable(err)}
	}
	var errs field.ErrorList
	for _, err := range strict {
		errs = append(errs, unreadable(err))
	}
	var names []string
	for i := range f.Notifiers {
		n := &f.Notifiers[i]
		if n.Name != "" && slices.Contains(names, n.Name) {
			errs = append(errs, field.Duplicate(at.Index(i).Child("name"), n.Name))
		}
		names = append(names, n.Name)
		errs = append(errs, n.validate(at.Index(i), kinds)...)
		n.setDefaults()
	}
	if len(errs) > 0 {
		return notifiersFile{}, errs
	}
	return f, nil
}

func unreadable(err error) *field.Error {
	text := strings.TrimPrefix(err.Error(), "json: ")
	return field.Invalid(field.NewPath("notifiers"), field.OmitValueType{}, plaintext.Cut(strings.Join(strings.Fields(text), " "), 300))
}

func (n *Notifier) validate(at *field.Path, kinds []string) field.ErrorList {
	var errs field.ErrorList
	switch {
	case n.Name == "":
		errs = append(errs, field.Required(at.Child("name"), "logs and metrics name the notifier by it"))
	case !notifierName.MatchString(n.Name):
		errs = append(errs, field.Invalid(at.Child("name"), plaintext.Cut(n.Name, 80), `must be 1 to 63 lower-case letters, digits and "-", such as "team-shop"`))
	}
	for i, name := range n.Namespaces {
		if _, err := path.Match(name, ""); err != nil || !namespacePattern.MatchString(name) {
			errs = append(errs, field.Invalid(at.Child("namespaces").Index(i), plaintext.Cut(name, 80), `must be the name of a namespace, or a pattern such as "team-*"`))
		}
	}
	for i, kind := range n.Kinds {
		if !knownKind(kind, kinds) {
			errs = append(errs, field.Invalid(at.Child("kinds").Index(i), plaintext.Cut(kind, 80),
				`nothing that happens is called so; must be the reason of an event, a pattern of them, or "*" for all; perhaps `+nearest(kind, kinds)))
		}
	}
	if d := n.Timeout.Duration; d != 0 && (d < 100*time.Millisecond || d > time.Minute) {
		errs = append(errs, field.Invalid(at.Child("timeout"), d.String(), "must be from 100ms to 1m"))
	}
	switch are := n.are(); {
	case len(are) == 0:
		errs = append(errs, field.Required(at, "say what it is: slack, webhook or alertmanager"))
	case len(are) > 1:
		errs = append(errs, field.Forbidden(at, "is "+strings.Join(are, " and ")+"; make a notifier of each"))
	case n.Slack != nil:
		errs = append(errs, n.Slack.validate(at.Child("slack"))...)
	case n.Webhook != nil:
		errs = append(errs, n.Webhook.validate(at.Child("webhook"))...)
	default:
		errs = append(errs, n.Alertmanager.validate(at.Child("alertmanager"))...)
	}
	return errs
}

// are is what it says that it is.
func (n *Notifier) are() []string {
	var out []string
	for _, each := range []struct {
		name string
		is   bool
	}{{"slack", n.Slack != nil}, {"webhook", n.Webhook != nil}, {"alertmanager", n.Alertmanager != nil}} {
		if each.is {
			out = append(out, each.name)
		}
	}
	return out
}

func (s *Slack) validate(at *field.Path) field.ErrorList {
	errs := outbound.ValidateFile(s.WebhookFile, at.Child("webhookFile"))
	errs = append(errs, outbound.ValidateFile(s.TokenFile, at.Child("tokenFile"))...)
	switch {
	case s.WebhookFile == "" && s.TokenFile == "":
		errs = append(errs, field.Required(at, "name webhookFile, with the URL of an incoming webhook, or tokenFile and channel for a bot"))
	case s.WebhookFile != "" && s.TokenFile != "":
		errs = append(errs, field.Forbidden(at, "name webhookFile or tokenFile, not both"))
	case s.TokenFile != "" && s.Channel == "":
		errs = append(errs, field.Required(at.Child("channel"), `the channel that the bot writes into: its ID, or "#deployments"`))
	case s.WebhookFile != "" && (s.Channel != "" || s.URL != ""):
		errs = append(errs, field.Forbidden(at, "channel and url are for tokenFile; a webhook has a channel of its own"))
	}
	if s.URL != "" {
		errs = append(errs, outbound.ValidateURL(s.URL, at.Child("url"), slackAPI)...)
	}
	return errs
}

func (w *Webhook) validate(at *field.Path) field.ErrorList {
	errs := w.ValidateTarget(at)
	errs = append(errs, outbound.ValidateFile(w.URLFile, at.Child("urlFile"))...)
	switch {
	case w.URL == "" && w.URLFile == "":
		errs = append(errs, field.Required(at.Child("url"), "where messages go, or urlFile, a file that has it"))
	case w.URL != "" && w.URLFile != "":
		errs = append(errs, field.Forbidden(at, "name url or urlFile, not both"))
	case w.URL != "":
		errs = append(errs, outbound.ValidateURL(w.URL, at.Child("url"), "https://hooks.example.com/holdfast")...)
	}
	if w.Template == "" {
		return errs
	}
	body, err := template.New("body").Option("missingkey=error").Funcs(functions).Parse(w.Template)
	if err == nil {
		w.body = body
		var out []byte
		if out, err = w.render(sample); err == nil && (w.ContentType == "" || w.ContentType == "application/json") && !json.Valid(out) {
			return append(errs, field.Invalid(at.Child("template"), field.OmitValueType{}, "makes no JSON of a message, but "+
				plaintext.Line(string(out), 200)+"; write texts as {{ json .Text }}, or say the contentType"))
		}
	}
	if err != nil {
		errs = append(errs, field.Invalid(at.Child("template"), field.OmitValueType{}, plaintext.Line(err.Error(), 300)))
	}
	return errs
}

func (a *Alertmanager) validate(at *field.Path) field.ErrorList {
	errs := a.ValidateTarget(at)
	errs = append(errs, outbound.ValidateURL(a.URL, at.Child("url"), "http://alertmanager.monitoring.svc:9093")...)
	for name := range a.Labels {
		if !alertLabel.MatchString(name) {
			errs = append(errs, field.Invalid(at.Child("labels").Key(plaintext.Cut(name, 80)), plaintext.Cut(name, 80), `must be the name of a label, such as "team"`))
		}
	}
	if d := a.Lasts.Duration; d != 0 && (d < time.Minute || d > 7*24*time.Hour) {
		errs = append(errs, field.Invalid(at.Child("lasts"), d.String(), "must be from 1m to 168h; it is how long an alert fires"))
	}
	return errs
}

// maxBody is the largest body that a template may make, in bytes.
const maxBody = 64 << 10

// functions are those of templates.
var functions = template.FuncMap{"json": func(value any) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return strings.TrimSuffix(out.String(), "\n"), err
}}

package check

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document is one of the objects in a text.
type document struct {
	// text is the whole file's, in lines.
	lines []string
	// before is how many lines of the file stand before the document.
	before int
	node   *yaml.Node
}

// boundary is a line that ends a document and begins the next.
var boundary = regexp.MustCompile(`^---(\s|$)`)

// yamlMistake is how the parser tells where it fails.
var yamlMistake = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// documents are the objects of a text; what cannot be read is a finding.
func documents(text string) (all []document, mistakes []Finding) {
	lines := strings.Split(text, "\n")
	start := 0
	cut := func(end int) {
		d := document{lines: lines, before: start}
		var node yaml.Node
		err := yaml.Unmarshal([]byte(strings.Join(lines[start:end], "\n")), &node)
		switch {
		case err != nil:
			mistakes = append(mistakes, d.unreadable(err))
		case len(node.Content) > 0 && node.Content[0].Tag != "!!null":
			d.node = node.Content[0]
			all = append(all, d)
		}
	}
	for i, line := range lines {
		if boundary.MatchString(line) {
			cut(i)
			start = i + 1
		}
	}
	cut(len(lines))
	return all, mistakes
}

func (d document) unreadable(err error) Finding {
	f := Finding{Line: d.before + 1, Column: 1, Severity: Mistake, Message: err.Error()}
	if found := yamlMistake.FindStringSubmatch(strings.SplitN(err.Error(), "\n", 2)[0]); found != nil {
		line, _ := strconv.Atoi(found[1])
		f.Line, f.Message = d.before+line, "cannot be read as YAML: "+found[2]
	}
	return f
}

// at is the place of a node.
func (d document) at(n *yaml.Node) (line, column int) { return d.before + n.Line, n.Column }

// within is the place in the file of a place in the text of a scalar, both counted from 1. Where the text is
// folded or escaped, it is as near as can be told.
func (d document) within(n *yaml.Node, line, column int) (int, int) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return d.at(n)
	case n.Style&yaml.LiteralStyle != 0:
		at := d.before + n.Line + line // the text begins on the next line
		return at, d.indent(n) + column
	case n.Style&yaml.FoldedStyle != 0:
		return d.folded(n, line, column)
	case line > 1:
		return d.at(n)
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		column++
	}
	return d.before + n.Line, n.Column + column - 1
}

// folded: each line break within a paragraph is a space of the text.
func (d document) folded(n *yaml.Node, line, column int) (int, int) {
	indent := d.indent(n)
	paragraph := 1
	for at := d.before + n.Line; at < len(d.lines); at++ {
		content := strings.TrimSpace(d.lines[at])
		if content == "" {
			paragraph++
			continue
		}
		if paragraph < line {
			continue
		}
		if length := utf8.RuneCountInString(content); column > length+1 {
			column -= length + 1
			continue
		}
		return at + 1, indent + column
	}
	return d.at(n)
}

// indent is by how much the text of a block is indented: as its first line that is not empty.
func (d document) indent(n *yaml.Node) int {
	for at := d.before + n.Line; at < len(d.lines); at++ {
		if line := d.lines[at]; strings.TrimSpace(line) != "" {
			return len(line) - len(strings.TrimLeft(line, " "))
		}
	}
	return 0
}

// child is the value under a key of a mapping, with its key, nil if there is none.
func child(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], resolve(n.Content[i+1])
		}
	}
	return nil, nil
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// segments are the parts of the path of a field: .name, [index] and [key], of which a key may have dots.
var segments = regexp.MustCompile(`\[([^\]]*)\]|([^.\[]+)`)

// find is the node at the path of a field, or of what it would stand in. exact says that it is there.
func find(root *yaml.Node, path string) (at *yaml.Node, exact bool) {
	at = root
	shown := root // what is pointed at: the key of a mapping tells more than the first of its fields
	for _, part := range segments.FindAllStringSubmatch(path, -1) {
		var key, value *yaml.Node
		if i, err := strconv.Atoi(part[1]); err == nil && at.Kind == yaml.SequenceNode {
			if i < 0 || i >= len(at.Content) {
				return shown, false
			}
			value = resolve(at.Content[i])
			key = value
		} else if key, value = child(at, part[1]+part[2]); value == nil {
			return shown, false
		}
		at, shown = value, key
	}
	if at.Kind == yaml.ScalarNode {
		return at, true
	}
	return shown, true
}

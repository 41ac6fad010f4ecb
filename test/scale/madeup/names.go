package main

import (
	"fmt"
	"regexp/syntax"
)

// maxNames is how many names a pattern may stand for.
const maxNames = 10_000

// namesOf are all texts that a regular expression matches as a whole, one that says them one by
// one, as Holdfast's does for the pods of canaries. Of any other it is an error.
func namesOf(pattern string) ([]string, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	return enumerate(re.Simplify())
}

func enumerate(re *syntax.Regexp) ([]string, error) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}, nil
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, nil
	case syntax.OpCapture:
		return enumerate(re.Sub[0])
	case syntax.OpQuest:
		names, err := enumerate(re.Sub[0])
		return append(names, ""), err
	case syntax.OpCharClass:
		return characters(re.Rune)
	case syntax.OpAlternate:
		var out []string
		for _, sub := range re.Sub {
			names, err := enumerate(sub)
			if err != nil {
				return nil, err
			}
			out = append(out, names...)
		}
		return bounded(out)
	case syntax.OpConcat:
		out := []string{""}
		for _, sub := range re.Sub {
			names, err := enumerate(sub)
			if err != nil {
				return nil, err
			}
			if out, err = product(out, names); err != nil {
				return nil, err
			}
		}
		return out, nil
	default:
		return nil, fmt.Errorf("%s names nothing one by one", re)
	}
}

// characters are those of a class, whose ranges are pairs.
func characters(class []rune) ([]string, error) {
	var out []string
	for i := 0; i < len(class); i += 2 {
		for r := class[i]; r <= class[i+1]; r++ {
			if len(out) == maxNames {
				return bounded(append(out, ""))
			}
			out = append(out, string(r))
		}
	}
	return out, nil
}

func product(heads, tails []string) ([]string, error) {
	if len(heads)*len(tails) > maxNames {
		return nil, errTooMany
	}
	out := make([]string, 0, len(heads)*len(tails))
	for _, head := range heads {
		for _, tail := range tails {
			out = append(out, head+tail)
		}
	}
	return out, nil
}

var errTooMany = fmt.Errorf("a pattern stands for more than %d names", maxNames)

func bounded(names []string) ([]string, error) {
	if len(names) > maxNames {
		return nil, errTooMany
	}
	return names, nil
}

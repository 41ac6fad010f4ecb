package trap

import (
	"math"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// What a quotient, or a difference, of two counts can be: the share of a part in all, a
// mean duration, what is left of all without a part.

// shape is what one count divided by another means, by their selectors alone; it is not
// ok where that does not show.
func shape(part, whole *parser.VectorSelector) (p possible, ok bool) {
	share := possible{low: 0, high: 1, unit: shares}
	switch {
	case partOf(part, whole):
		share.tone = toneOf(part)
		return share, true
	case bucketOf(part, whole):
		if toneOf(part) != unwanted { // fast failures are neither
			share.tone = wanted
		}
		return share, true
	case partOf(whole, part):
		return possible{low: 1, high: math.Inf(1), tone: toneOf(whole).turned()}, true
	case bucketOf(whole, part):
		return possible{low: 1, high: math.Inf(1), tone: unwanted}, true
	case strings.HasSuffix(part.Name, "_sum") && counts(whole.Name) && named(part.Name, "_sum").unit != 0:
		return named(part.Name, "_sum"), true
	case strings.HasSuffix(whole.Name, "_sum") && whole.Name == strings.TrimSuffix(part.Name, "_count")+"_sum":
		return possible{low: 0, high: math.Inf(1), tone: named(whole.Name, "_sum").tone.turned()}, true
	case partByName(part, whole):
		return possible{low: 0, high: math.Inf(1), unit: shares, tone: toneOf(part)}, true
	}
	return possible{}, false
}

// partByName: failures are part of what is not called so, and successes too.
func partByName(part, whole *parser.VectorSelector) bool {
	if part.Name == whole.Name || !counts(part.Name) || !counts(whole.Name) {
		return false
	}
	told := toneOf(part)
	return told == unwanted && toneOf(whole) != unwanted || told == wanted && toneOf(whole) == unknownTone
}

// alike says whether two counts are joined in the same way, or one of them not at all, so
// that one can be a part of the other.
func alike(part, whole count) bool {
	return part.joined == whole.joined || part.joined == "" || whole.joined == ""
}

// share is the quotient of two expressions, as far as the shape of both says it. Of sums
// and differences it is that of their sides.
func share(l, r parser.Expr) (possible, bool) {
	below := addends(r)
	var out possible
	for i, part := range addends(l) {
		p, ok := shareOfAll(part.count, below)
		switch {
		case !ok:
			return possible{}, false
		case i == 0 && part.taken:
			out = p.times(-1)
		case i == 0:
			out = p
		case part.taken:
			out = out.minus(p)
		default:
			out = out.plus(p)
		}
	}
	return out, true
}

// shareOfAll: a part may also be a share of itself and others together.
func shareOfAll(part count, below []addend) (possible, bool) {
	if len(below) == 1 {
		return shareOf(part, below[0].count)
	}
	among := false
	for _, b := range below {
		if part.selector == nil || b.selector == nil || b.taken || !alike(part, b.count) {
			return possible{}, false
		}
		among = among || sameCount(part, b.count) && nearlyEqual(part.factor, b.factor)
	}
	return possible{low: 0, high: 1, unit: shares, tone: toneOf(part.selector)}, among
}

func shareOf(part, whole count) (possible, bool) {
	if part.selector == nil || whole.selector == nil || !alike(part, whole) {
		return possible{}, false
	}
	by, ok := times(part, whole)
	if !ok { // a trap tells of it
		return possible{}, false
	}
	if sameCount(part, whole) {
		return between(by, by), true
	}
	p, ok := shape(part.selector, whole.selector)
	if !ok {
		return possible{}, false
	}
	if part.window != whole.window || strings.Contains(part.joined, "avg") || strings.Contains(part.joined, "min") {
		p.low, p.high = 0, math.Inf(1) // for a while, or of some series
	}
	return p.times(by), true
}

// sameCount says whether two counts are one, but for the numbers they are multiplied by.
func sameCount(part, whole count) bool {
	return part.how == whole.how && part.over == whole.over && part.window == whole.window &&
		!part.filtered && !whole.filtered && sameAs(part.selector, whole.selector)
}

// divided tells shares and mean durations from other quotients.
func divided(e *parser.BinaryExpr, l, r possible) possible {
	if p, ok := share(e.LHS, e.RHS); ok {
		return p
	}
	switch {
	case l.low >= 0 && r.low >= 0:
		out := notNegative
		if bytes := func(p possible) bool { return p.unit == memory || p.unit == stored }; bytes(l) && bytes(r) && nearlyEqual(l.scale, r.scale) {
			out.unit = timesAsMuch
		}
		if l.unit == r.unit && l.tone == r.tone && l.unit != 0 { // how many times as much
			out.tone = l.tone
		}
		return out
	case l.high <= 0 && r.low >= 0:
		return between(math.Inf(-1), 0)
	}
	return anything
}

// difference: a part is not more than all. What is left of all without the failures is
// of successes.
func difference(e *parser.BinaryExpr, l, r possible) possible {
	left, right := counted(e.LHS), counted(e.RHS)
	if left.selector == nil || right.selector == nil || left.joined != right.joined || left.factor <= 0 || left.window != right.window {
		return l.minus(r)
	}
	if by, ok := times(left, right); !ok || !nearlyEqual(by, 1) {
		return l.minus(r)
	}
	if p, ok := shape(left.selector, right.selector); ok && p.unit == shares && (p.high == 1 || countsAll(right.selector.Name)) {
		return possible{low: math.Inf(-1), high: 0, tone: p.tone}
	}
	if p, ok := shape(right.selector, left.selector); ok && p.unit == shares && (p.high == 1 || countsAll(left.selector.Name)) {
		return possible{low: 0, high: math.Inf(1), tone: p.tone.turned()}
	}
	return l.minus(r)
}

// countsAll: the name of what failures and successes are among.
func countsAll(name string) bool {
	return slices.ContainsFunc([]string{"request", "call", "response", "attempt"}, func(word string) bool { return strings.Contains(name, word) })
}

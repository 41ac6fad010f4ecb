package route

import "reflect"

// Which of the backends that stood there one is that somebody writes, it says by all but its weight. Where
// several say the same, weight and order tell, as far as they do: somebody who changes the weight of one and
// puts another beside it may have meant either. Requests are shared out alike then, whichever it was, for
// all of them together have the same; but for a JSON patch that puts one in as another stands there and gives
// that another weight: the new one is taken for the one that was there.

// match finds for each backend the one it was; -1 where there is none. It is one with its weight, as many of
// those in their order as can be. Else it is the one in its place, and one that stands to the others as it
// did. Of several that could be it, the first is: what somebody adds comes behind.
func (d Dialect) match(backends, laid []any) []int {
	used := make([]bool, len(laid))
	alike := func(i, j int) bool { return reflect.DeepEqual(d.withWeight(backends[i], 0), d.withWeight(laid[j], 0)) }
	equal := func(i, j int) bool { return reflect.DeepEqual(backends[i], laid[j]) }
	out := aligned(len(backends), len(laid), equal)
	for _, j := range out {
		if j >= 0 {
			used[j] = true
		}
	}
	for _, like := range []func(i, j int) bool{
		equal,
		func(i, j int) bool { return i == j && alike(i, j) },
		func(i, j int) bool { return alike(i, j) && inOrder(out, i, j) },
		alike,
	} {
		for i := range backends {
			for j := range laid {
				if out[i] < 0 && !used[j] && like(i, j) {
					out[i], used[j] = j, true
				}
			}
		}
	}
	return out
}

// aligned finds for each of n the one of m that it equals, -1 where there is none, so that their order is the
// same and as many as can be are found. Of several that are equal it finds the first.
func aligned(n, m int, equal func(i, j int) bool) []int {
	same := make([][]bool, n)
	most := make([][]int, n+1) // how many can be found from there on
	most[n] = make([]int, m+1)
	for i := n - 1; i >= 0; i-- {
		same[i], most[i] = make([]bool, m), make([]int, m+1)
		for j := m - 1; j >= 0; j-- {
			same[i][j], most[i][j] = equal(i, j), max(most[i+1][j], most[i][j+1])
			if same[i][j] {
				most[i][j] = most[i+1][j+1] + 1
			}
		}
	}
	out := make([]int, n)
	for i, j := 0, 0; i < n; i++ {
		out[i] = -1
		for j < m && !same[i][j] && most[i][j+1] == most[i][j] {
			j++
		}
		if j < m && same[i][j] {
			out[i] = j
			j++
		}
	}
	return out
}

// inOrder says whether one that was in place j, and is in place i now, stands to all that are found as it
// did.
func inOrder(found []int, i, j int) bool {
	for at, was := range found {
		if was >= 0 && (at < i) != (was < j) {
			return false
		}
	}
	return true
}

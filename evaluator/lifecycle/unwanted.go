package lifecycle

// putOut deletes the pods that the run's ReplicaSets have adopted.
func (o Others) putOut() []Action {
	var out []Action
	for _, pod := range o.Adopted {
		out = append(out, PutOut{pod})
	}
	return out
}

// deleteLeft deletes the pods of the run that nothing else would delete.
func (o Others) deleteLeft() []Action {
	var out []Action
	for _, pod := range o.Left {
		out = append(out, DeleteLeft{pod})
	}
	return out
}

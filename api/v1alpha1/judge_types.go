package v1alpha1

// Deviation is how far a value may lie from another.
type Deviation struct {
	// from is what a value is compared with. One: the number 1, for a ratio of
	// the canary to something. First: the first value that was measured of the
	// series. Previous: the newest good one before it.
	// +required
	From DeviationFrom `json:"from"`
	// by is how far it may lie from that, ends included: a share of it such as
	// "10%", or a number in the unit of the value such as "0.05".
	// +required
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?%?$`
	By string `json:"by"`
	// direction is on which side: Both, Up (only greater values are bad) or
	// Down (only smaller ones are).
	// +optional
	// +kubebuilder:default=Both
	Direction Direction `json:"direction,omitempty"`
}

// DeviationFrom is what a value is compared with.
//
// +kubebuilder:validation:Enum=One;First;Previous
type DeviationFrom string

// What a value can be compared with.
const (
	FromOne      DeviationFrom = "One"
	FromFirst    DeviationFrom = "First"
	FromPrevious DeviationFrom = "Previous"
)

// Direction is the side on which a deviation is bad.
//
// +kubebuilder:validation:Enum=Both;Up;Down
type Direction string

// The directions of a deviation.
const (
	DirectionBoth Direction = "Both"
	DirectionUp   Direction = "Up"
	DirectionDown Direction = "Down"
)

// List judges a query that counts things by a label, such as requests by code.
//
// +kubebuilder:validation:XValidation:rule="has(self.good) || has(self.bad)",message="needs good, bad or both"
type List struct {
	// label is the label whose values are judged.
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-zA-Z_][a-zA-Z0-9_]*$`
	Label string `json:"label"`
	// good are regular expressions, each for a whole value; what matches none
	// of them is bad.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +listType=atomic
	Good []string `json:"good,omitempty"`
	// bad are regular expressions, each for a whole value; what matches one of
	// them is bad, also if it is good by the other list.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +listType=atomic
	Bad []string `json:"bad,omitempty"`
	// tolerance is the greatest good share of bad values, in percent of all.
	// +optional
	// +kubebuilder:default="0%"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^[0-9]{1,2}(\.[0-9]+)?%$`
	Tolerance string `json:"tolerance,omitempty"`
}

package protocols

// LineOnlyReceiver is the name of Twisted's receiver for lines without raw
// data. In this package both are one type. New code uses LineReceiver.
type LineOnlyReceiver = LineReceiver

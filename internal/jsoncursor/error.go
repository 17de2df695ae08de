package jsoncursor

// Error says where a JSON text could not be read and why. It never shows a
// value of the text.
type Error struct {
	// Field is the path of the value, such as "content[3].start_time". It is
	// empty if the text as a whole is at fault.
	Field string
	// Truncated is set if the text ended before its value did.
	Truncated bool
	// Reason is what is wrong.
	Reason string
}

func (e *Error) Error() string {
	switch {
	case e == nil:
		return "unreadable JSON"
	case e.Field == "":
		return e.Reason
	default:
		return e.Field + ": " + e.Reason
	}
}

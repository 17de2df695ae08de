package jsoncursor

// Error says where a JSON text could not be read and what kind of fault it
// was. It never shows a value of the text.
type Error struct {
	// Field is the path of the value, such as "content[3].start_time"; it is
	// empty at the top.
	Field string
	// Cut says that the text ended before its value did.
	Cut bool
	// Fault is what is wrong, in words.
	Fault string
}

func (e *Error) Error() string {
	switch {
	case e == nil:
		return "unreadable JSON"
	case e.Field == "":
		return e.Fault
	default:
		return e.Field + ": " + e.Fault
	}
}

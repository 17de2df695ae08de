package jsoncursor

import "bytes"

// CompactSize returns an upper bound of the bytes that AppendCompact appends for
// value: an escape is six bytes long.
func CompactSize(value []byte) int {
	size := len(value)
	for _, b := range []byte("<>&") {
		size += 5 * bytes.Count(value, []byte{b})
	}
	// The two separators begin with the same two bytes.
	return size + 3*bytes.Count(value, []byte("\u2028"[:2]))
}

// AppendCompact appends a value that [Cursor.Raw] returned, in the form in which
// json.Marshal writes a json.RawMessage: without insignificant space, and with
// escapes that make it safe in HTML and JavaScript.
func AppendCompact(dst, value []byte) []byte {
	const hex = "0123456789abcdef"
	quoted := false
	for i := 0; i < len(value); i++ {
		b := value[i]
		switch {
		case b == '"':
			quoted = !quoted
		case b == '\\':
			dst = append(dst, b)
			i++
		case b <= ' ' && !quoted:
			continue
		case b == '<' || b == '>' || b == '&':
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
			continue
		case bytes.HasPrefix(value[i:], []byte("\u2028")) || bytes.HasPrefix(value[i:], []byte("\u2029")):
			i += 2
			dst = append(dst, '\\', 'u', '2', '0', '2', hex[value[i]&15])
			continue
		}
		dst = append(dst, value[i])
	}
	return dst
}

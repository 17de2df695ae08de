package coviutest

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"time"
)

const maxPageSize = 200

// listSessions answers GET /sessions.
func (s *Server) listSessions(c *call) reply {
	values, err := url.ParseQuery(c.rawQuery)
	if err != nil {
		return badRequest(errQuery.Error())
	}
	list, err := s.readList(query(values))
	if err != nil {
		return badRequest(err.Error())
	}
	team, now := c.caller.user.team, c.now.UnixMilli()
	if now < team.lateUntil {
		list.and(func(s *session) bool { return s.listedFrom() <= now })
	}
	order := &team.byCreation
	if list.byStart {
		order = &team.byStart
	}
	offset := int64(math.MaxInt64)
	if list.page <= offset/int64(list.size) {
		offset = list.page * int64(list.size)
	}
	content, more := order.page(list.selection, offset, list.size)
	size, pages := list.size, int64(-1)
	if s.settings.pageSizeOfContent {
		size = len(content)
	}
	if s.settings.pageCount {
		pages = (order.count(list.selection) + int64(list.size) - 1) / int64(list.size)
	}
	return ok(s.renderer(list.removed).sessionPage(content, list.page, size, pages, more))
}

// sessionPage leaves page_count out when pages is negative.
func (r renderer) sessionPage(content []*session, page int64, size int, pages int64, more bool) []byte {
	b := make([]byte, 0, 128+1<<10*len(content))
	b = append(b, `{"content":`...)
	for i, s := range content {
		b = r.session(append(b, separator(i)), s)
	}
	if len(content) == 0 {
		b = append(b, '[')
	}
	b = append(b, `],"page":`...)
	b = strconv.AppendInt(b, page, 10)
	b = append(b, `,"page_size":`...)
	b = strconv.AppendInt(b, int64(size), 10)
	if pages >= 0 {
		b = append(b, `,"page_count":`...)
		b = strconv.AppendInt(b, pages, 10)
	}
	b = append(b, `,"more":`...)
	b = strconv.AppendBool(b, more)
	return append(b, '}')
}

// list is the parsed query of GET /sessions.
type list struct {
	selection
	page    int64
	size    int
	byStart bool
	removed bool
}

func (s *Server) readList(q query) (list, error) {
	l := list{selection: everything()}
	var size int64
	page, pageErr := q.integer("page", 0, 0, math.MaxInt64)
	size, sizeErr := q.integer("page_size", maxPageSize, 1, maxPageSize)
	canceled, canceledErr := q.flag("include_canceled")
	removed, removedErr := q.flag("deleted_participants")
	reverse, reverseErr := q.order()
	start, startErr := q.date("start_time")
	end, endErr := q.date("end_time")
	state, stateErr := q.one("state")
	if err := firstError(pageErr, sizeErr, canceledErr, removedErr, reverseErr, startErr, endErr, stateErr); err != nil {
		return list{}, err
	}
	l.page, l.size, l.canceled, l.removed, l.reverse = page, int(size), canceled, removed, reverse
	l.byStart = start != nil || end != nil
	if start != nil {
		// Sessions start on a whole millisecond. The bound may lie between two, so
		// it is rounded up.
		l.from = start.Add(time.Millisecond - time.Nanosecond).UnixMilli()
	}
	if end != nil {
		l.to = end.UnixMilli()
		if s.settings.endTimeByEnd {
			l.and(func(s *session) bool { return instant(s.end).Before(*end) })
		}
	}
	if state != nil {
		l.and(func(s *session) bool { return s.hasState(*state, removed) })
	}
	return l, nil
}

func (s *session) hasState(state string, removed bool) bool {
	for _, p := range s.participants {
		if p.state == state && p.shown(removed) {
			return true
		}
	}
	return false
}

// query reads the parameters of a request. Unknown ones are ignored.
type query url.Values

var errQuery = errors.New("the query is malformed")

func (q query) one(name string) (*string, error) {
	switch values := q[name]; len(values) {
	case 0:
		return nil, nil
	case 1:
		return &values[0], nil
	}
	return nil, fmt.Errorf("%s: given more than once", name)
}

func (q query) integer(name string, missing, least, most int64) (int64, error) {
	text, err := q.one(name)
	if text == nil {
		return missing, err
	}
	n, err := strconv.ParseInt(*text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s: not an integer from %d to %d", name, least, most)
	}
	return n, nil
}

func (q query) flag(name string) (bool, error) {
	text, err := q.one(name)
	if text == nil {
		return false, err
	}
	switch *text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("%s: neither true nor false", name)
}

func (q query) order() (reverse bool, err error) {
	text, err := q.one("order")
	if text == nil {
		return false, err
	}
	switch *text {
	case "forward":
		return false, nil
	case "reverse":
		return true, nil
	case "backwards":
		return false, errors.New("order: one document of the service says backwards, the others say reverse: use reverse")
	}
	return false, errors.New("order: neither forward nor reverse")
}

func (q query) date(name string) (*time.Time, error) {
	text, err := q.one(name)
	if text == nil {
		return nil, err
	}
	t, _, err := parseDate(*text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &t, nil
}

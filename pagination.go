package coviu

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"

	"github.com/coviu/coviu-go-sdk/internal/prefetch"
)

const (
	// remembered is how many sessions an iteration recognizes: ten of the largest
	// pages, and one more that a request may repeat. So new sessions may push up to
	// ten of these pages back into view between two requests.
	remembered = 11 * maxPageSize
	// maxIdlePages is how many pages in a row may be empty, or the same as the page
	// before, until the list is taken to have no end.
	maxIdlePages = 3
)

var errEndless = errors.New("the list continues but contains nothing new")

// Pages iterates over the list of sessions, page by page (GET /sessions), from
// opts.Page on. Canceled sessions are dropped unless IncludeCanceled is set: a page
// may be shorter than PageSize, and a page with nothing left is not yielded.
//
// Each session that matches from the start of the iteration to its end is yielded
// exactly once, even while others book, move and cancel. The exceptions:
//
//   - Under StartTime or EndTime, a session whose own start changes may be missed.
//   - Under State, a session may be missed if the State of one of its participants
//     changes, or if that participant is removed.
//   - If more than 2,000 sessions enter or leave the part already read, sessions
//     may be missed or repeated.
//   - A server that cuts starts to seconds, or makes smaller pages than it was
//     asked for, can hide a session when another one is moved or leaves the list.
//
// A list of n pages takes n+1 requests at most, plus Prefetch, if it does not
// change. A PageSize above 99 brings shorter, and so more, pages under StartTime,
// EndTime or State: with 200, 5,000 sessions take 27 requests instead of 25.
//
// With Prefetch, that many pages are asked for ahead, side by side. If the list
// changes, they may have to be asked for again.
//
// An error, or a list that goes on without anything new, ends the iteration. It is
// yielded once, as a [*ListError] beside a nil page. See docs/lists.md.
func (s *SessionService) Pages(ctx context.Context, opts *SessionListOptions) iter.Seq2[*SessionPage, error] {
	asked := valueOf(opts)
	return func(yield func(*SessionPage, error) bool) {
		l := newListing(s, asked)
		if err := cmp.Or(s.core().check(ctx), asked.check()); err != nil {
			yield(nil, l.stopped(err))
			return
		}
		defer l.queue.Drop()
		for {
			page, err := l.next(ctx)
			if err != nil {
				yield(nil, l.stopped(err))
				return
			}
			// Once it is yielded, the page is the consumer's to change.
			more := page.More
			if len(page.Content) > 0 && !yield(page, nil) || !more {
				return
			}
		}
	}
}

// All iterates over the sessions of the list (GET /sessions). It gives the guarantee
// of [SessionService.Pages], with the same exceptions, for the same number of
// requests. Each session is the caller's own, and keeps no page in memory.
//
// An error is yielded once, as a [*ListError] beside a nil session, and ends the
// iteration.
func (s *SessionService) All(ctx context.Context, opts *SessionListOptions) iter.Seq2[*Session, error] {
	pages := s.Pages(ctx, opts)
	return func(yield func(*Session, error) bool) {
		for page, err := range pages {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, session := range page.Content {
				if !yield(&session, nil) {
					return
				}
			}
		}
	}
}

// listing is one iteration over the pages of a list.
type listing struct {
	asked  SessionListOptions
	cursor *cursor
	queue  *prefetch.Queue[pageRef, *SessionPage]
	// taken counts the pages read, sessions the sessions in them that were new.
	taken, sessions int
	// idle counts pages in a row that brought nothing new and were empty or began
	// with the same session as the page before. first is the id of that session.
	idle  int
	first string
	// repeated counts known sessions in a row.
	repeated int
	// ahead is how many pages to ask for besides the next one.
	ahead int
}

func newListing(s *SessionService, asked SessionListOptions) *listing {
	l := &listing{asked: asked, cursor: newCursor(asked), ahead: asked.Prefetch}
	l.queue = prefetch.New(func(ctx context.Context, at pageRef) (*SessionPage, error) {
		o := asked
		// A canceled session must keep its place, or canceling it would move others.
		o.Page, o.PageSize, o.IncludeCanceled = at.number, at.size, true
		return s.List(ctx, &o)
	}, l.cursor.following)
	return l
}

// byTime reports whether the service sorts the list by start time.
func (o *SessionListOptions) byTime() bool { return !o.StartTime.IsZero() || !o.EndTime.IsZero() }

// pagesShift reports whether page numbers alone could miss a session. Under a
// filter, a session that leaves the list moves later ones to earlier pages. Without
// one, the list only grows, at its newer end, because it has the canceled sessions.
// In reverse order that end is the beginning, and sessions move to later pages:
// pages that are requested side by side can then leave a gap.
func (o *SessionListOptions) pagesShift() bool {
	return o.byTime() || o.State != "" || o.Order == OrderReverse && o.Prefetch > 0
}

// stopped says where to continue after err.
func (l *listing) stopped(err error) error {
	page := l.asked.Page + l.taken
	if l.asked.pagesShift() {
		page = l.asked.Page + l.sessions/cmp.Or(l.asked.PageSize, defaultPageSize)
	}
	return &ListError{Page: page, PageSize: l.asked.PageSize, Err: err}
}

// next returns the next page. It has only those sessions that the caller wants and
// has not had.
func (l *listing) next(ctx context.Context) (*SessionPage, error) {
	for {
		page, err := l.queue.Take(ctx, l.cursor.at, l.ahead)
		if err != nil {
			return nil, err
		}
		if !l.cursor.overlaps(page) {
			l.cursor.stepBack()
			continue
		}
		l.cursor.advance(page)
		if err := l.dropKnown(page); err != nil {
			return nil, err
		}
		l.taken++
		return page, nil
	}
}

// dropKnown removes from page what the caller has had or does not want. It fails
// if the list seems to have no end.
func (l *listing) dropKnown(page *SessionPage) error {
	first, before := l.first, l.sessions
	if len(page.Content) > 0 {
		first = page.Content[0].SessionID
	}
	page.Content = slices.DeleteFunc(page.Content, func(s Session) bool {
		if !l.cursor.known.Add(s.SessionID) {
			l.repeated++
			return true
		}
		l.sessions++
		l.repeated = 0
		return s.CanceledTime != nil && !l.asked.IncludeCanceled
	})
	// A page without anything new may be the first of many: ask for no more than
	// one at a time.
	l.ahead = l.asked.Prefetch
	if l.sessions == before {
		l.ahead = 0
	}
	// New sessions can push whole pages of known ones back into view. Such pages
	// begin with different sessions.
	if l.sessions > before || first != l.first {
		l.idle = 0
	} else {
		l.idle++
	}
	l.first = first
	if page.More && (l.idle >= maxIdlePages || l.repeated > remembered) {
		return &DecodeError{Operation: string(opListSessions), StatusCode: http.StatusOK, Field: "more", cause: errEndless}
	}
	return nil
}

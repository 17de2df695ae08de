package jsoncursor

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/bits"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// budget is more than any text of these tests needs.
const budget = 1 << 30

// person is what the tests read: enough to use every method of a Cursor.
type person struct {
	Name   string
	Age    int
	Admin  bool
	Tags   []string
	Boss   *person
	Extras []string
}

func readPerson(c *Cursor, p *person) {
	for name := range c.Fields() {
		switch string(name) {
		case "name":
			if text, ok := c.Text(); ok {
				p.Name = string(text)
			}
		case "age":
			if n, ok := c.Int(); ok {
				p.Age = n
			}
		case "admin":
			if b, ok := c.Bool(); ok {
				p.Admin = b
			}
		case "tags":
			for range c.Elements() {
				if text, ok := c.Text(); ok {
					p.Tags = append(p.Tags, string(text))
				}
			}
		case "boss":
			p.Boss = new(person)
			readPerson(c, p.Boss)
		default:
			p.Extras = append(p.Extras, string(name)+"="+string(c.Raw()))
		}
	}
}

func read(text string) (person, *Error) {
	var c Cursor
	c.Reset([]byte(text), budget)
	var p person
	readPerson(&c, &p)
	c.End()
	return p, c.Err()
}

func TestACursorReadsEveryKindOfValue(t *testing.T) {
	for text, want := range map[string]person{
		`{}`:   {},
		`null`: {},
		" \t\r\n{ \"name\" : \"x\" ,\n\"age\":1 } ":                         {Name: "x", Age: 1},
		`{"name":null,"age":null,"admin":null,"tags":null}`:                 {},
		`{"name":"\"\\\/\b\f\n\r\t\u0041\u00e9"}`:                           {Name: "\"\\/\b\f\n\r\tAé"},
		`{"name":"\ud83d\ude00 \ud800 \ude00 \ud800\ud83d\ude00 \ud800\n"}`: {Name: "😀 \ufffd \ufffd \ufffd😀 \ufffd\n"},
		"{\"name\":\"a\xff\xed\xa0\x80b\\n\"}":                              {Name: "a\ufffd\ufffd\ufffd\ufffdb\n"},
		"{\"name\":\"aaaaaaaa\x80a\x90aa\xa0aaaaaaaaaaaa\"}":                {Name: "aaaaaaaa\ufffda\ufffdaa\ufffdaaaaaaaaaaaa"},
		"{\"name\":\"Zo\u00eb \u65e5\u672c \U0001f600\ufffd\"}":             {Name: "Zoë 日本 😀\ufffd"},
		`{"name":"\u00aA\uFf5E"}`:                                           {Name: "ª～"},
		`{"name":"\ud83dxude00\ud83d\nde00"}`:                               {Name: "\ufffdxude00\ufffd\nde00"},
		`{"n\u0061me":"x"}`:                                                 {Name: "x"},
		`{"name":"a","name":"b"}`:                                           {Name: "b"},
		`{"age":-12}`:                                                       {Age: -12},
		`{"age":"34"}`:                                                      {Age: 34},
		`{"age":"-0"}`:                                                      {},
		`{"age":-9223372036854775808}`:                                      {Age: math.MinInt64},
		`{"age":""}`:                                                        {},
		`{"admin":true}`:                                                    {Admin: true},
		`{"admin":false}`:                                                   {},
		`{"tags":[]}`:                                                       {},
		`{"tags":["a", "b" ,null]}`:                                         {Tags: []string{"a", "b"}},
		`{"boss":{"boss":{"name":"x"}},"age":5}`:                            {Age: 5, Boss: &person{Boss: &person{Name: "x"}}},
		`{"x":{"a":[1,{"b":[]},"]}"],"c":-1.5e+7},"y":[],"z":{},"age":1}`:   {Age: 1, Extras: []string{`x={"a":[1,{"b":[]},"]}"],"c":-1.5e+7}`, `y=[]`, `z={}`}},
		`{"Name":"x"}`:                                                      {Extras: []string{`Name="x"`}},
	} {
		got, err := read(text)
		require.Nil(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestTheFirstUnusualByteIsFoundInEveryPlace(t *testing.T) {
	for place := range 8 {
		for b := range 256 {
			for _, next := range []byte{'a', '"', 0xff, 0} {
				word := []byte("abcdefgh")
				word[place] = byte(b)
				if place < 7 {
					word[place+1] = next
				}
				first := bytes.IndexFunc(word, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r >= 0x80 })
				if first < 0 {
					first = 8
				}
				require.Equal(t, first, bits.TrailingZeros64(unusual(binary.LittleEndian.Uint64(word)))/8, "%q", word)
			}
		}
	}
}

func TestAnErrorNamesItsPathAndNeverAValue(t *testing.T) {
	const no = "not a JSON value"
	for _, c := range []struct{ text, field, reason string }{
		{`"secret"`, "", "not an object"},
		{`{"name":7}`, "name", "not a string"},
		{`{"name":["secret"]}`, "name", "not a string"},
		{`{"age":"secret"}`, "age", "not an integer"},
		{`{"age":1.5}`, "age", "not an integer"},
		{`{"age":1e2}`, "age", "not an integer"},
		{`{"age":1E2}`, "age", "not an integer"},
		{`{"age":"01"}`, "age", "not an integer"},
		{`{"age":"+1"}`, "age", "not an integer"},
		{`{"age":" 1"}`, "age", "not an integer"},
		{`{"age":"-"}`, "age", "not an integer"},
		{`{"age":"1_0"}`, "age", "not an integer"},
		{`{"age":99999999999999999999}`, "age", "not an integer"},
		{`{"age":true}`, "age", "not an integer"},
		{`{"age":01}`, "age", no},
		{`{"age":+1}`, "age", "not an integer"},
		{`{"age":.5}`, "age", "not an integer"},
		{`{"age":1.}`, "age", no},
		{`{"admin":"true"}`, "admin", "not a boolean"},
		{`{"admin":1}`, "admin", "not a boolean"},
		{`{"admin":trux}`, "admin", no},
		{`{"admin":tX`, "admin", no},
		{`{"x":-}`, "", no},
		{`{"x":-.5}`, "", no},
		{`{"x":-e5}`, "", no},
		{`{"x":1.e5}`, "", no},
		{`{"x":1E}`, "", no},
		{`{"name":nul}`, "name", no},
		{`{"tags":"secret"}`, "tags", "not an array"},
		{`{"tags":["a",1]}`, "tags[1]", "not a string"},
		{`{"boss":{"boss":{"tags":["a","b",{}]}}}`, "boss.boss.tags[2]", "not a string"},
		{`{"boss":[]}`, "boss", "not an object"},
		{`{"tags":["a",]}`, "tags[1]", "not a string"},
		{`{"tags":["a""b"]}`, "tags", "no comma or end of the container"},
		{`{"tags":[,"a"]}`, "tags[0]", "not a string"},
		{`{"name":"x",}`, "", "no field name"},
		{`{,"name":"x"}`, "", "no field name"},
		{`{name:"x"}`, "", "no field name"},
		{`{"name" "x"}`, "", "no colon after the field name"},
		{`{"name":"x" "age":1}`, "", "no comma or end of the container"},
		{`{"name":"x"]`, "", "no comma or end of the container"},
		{"{\"name\":\"a\nb\"}", "name", "control character in a string"},
		{"{\"name\":\"a\x00b\"}", "name", "control character in a string"},
		{`{"name":"\x"}`, "name", "bad escape in a string"},
		{`{"name":"\u12G4"}`, "name", "bad escape in a string"},
		{`{"name":"\u123G"}`, "name", "bad escape in a string"},
		{`{"name":"\u12/4"}`, "name", "bad escape in a string"},
		{`{"name":"\u12:4"}`, "name", "bad escape in a string"},
		{`{"name":"\u12@4"}`, "name", "bad escape in a string"},
		{"{\"name\":\"\\u12`4\"}", "name", "bad escape in a string"},
		{`{"name":'x'}`, "name", "not a string"},
		{`{"secret":{"a":tru}}`, "", no},
		{`{"boss":{"secret":[1,2,}}`, "boss", no},
		{`{"boss":{"secret":{"a" 1}}}`, "boss", "no colon after the field name"},
		{`{} {}`, "", "more than one value"},
		{`{}secret`, "", "more than one value"},
		{"{}\x00", "", "more than one value"},
		{"\x00", "", "not an object"},
		{"\ufeff{}", "", "not an object"},
	} {
		_, err := read(c.text)
		require.NotNil(t, err, c.text)
		require.Equal(t, Error{Field: c.field, Reason: c.reason}, *err, c.text)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestATextThatEndsEarlyIsTruncatedWhereverItEnds(t *testing.T) {
	text := `{"name":"a\u0041\"é","age":-12,"admin":true,"tags":["x",null],"boss":{"x":{"a":[1.5e-3,false,"y"]}},"admin":false}`
	_, err := read(text)
	require.Nil(t, err)
	for i := range text {
		_, err := read(text[:i])
		require.NotNil(t, err, text[:i])
		require.True(t, err.Truncated, text[:i])
	}
	for _, text := range []string{"{\"age\":12 \t", `{"name":"12345678`, `{"name":"1234567890123456`, `{"name":"\`, `{"name":"1234567\u00`, "{\"name\":\"\xe2\x82"} {
		_, err = read(text)
		require.True(t, err.Truncated, text)
	}
}

func TestDepthIsLimitedTo64(t *testing.T) {
	nested := func(depth int) string {
		return `{"x":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
	}
	_, err := read(nested(64))
	require.Nil(t, err)
	_, err = read(nested(65))
	require.Equal(t, Error{Reason: "more than 64 levels deep"}, *err)

	// The same through the fields that are known.
	bosses := strings.Repeat(`{"boss":`, 64) + `{}` + strings.Repeat(`}`, 64)
	_, err = read(bosses)
	require.Equal(t, strings.Repeat("boss.", 63)+"boss: more than 64 levels deep", err.Error())
	mixed := strings.Repeat(`{"x":[`, 40) + strings.Repeat(`]}`, 40)
	_, err = read(mixed)
	require.Equal(t, "more than 64 levels deep", err.Error())
}

func TestSkippingReadsNoFurtherThanTheDepthLimit(t *testing.T) {
	text := append([]byte(`{"x":`), bytes.Repeat([]byte("["), 1<<20)...)
	var c Cursor
	allocations := testing.AllocsPerRun(10, func() {
		c.Reset(text, budget)
		for range c.Fields() {
			c.Raw()
		}
	})
	require.LessOrEqual(t, allocations, 1.0)
	require.Equal(t, "more than 64 levels deep", c.Err().Error())
}

func TestTheFirstErrorIsTheOneReported(t *testing.T) {
	var c Cursor
	c.Reset([]byte(`[1]`), budget)
	c.Fail("first")
	c.Fail("second")
	c.FailIn("x", "third")
	for range c.Elements() {
		t.Error("an element after an error")
	}
	for range c.Fields() {
		t.Error("a field after an error")
	}
	c.End()
	require.Equal(t, Error{Reason: "first"}, *c.Err())
}

func TestAnErrorCanBelongToANamedField(t *testing.T) {
	var c Cursor
	c.Reset([]byte(`[{"x":1}]`), budget)
	require.Equal(t, byte('['), c.Peek())
	for range c.Elements() {
		require.Equal(t, byte('{'), c.Peek())
		for range c.Fields() {
			c.Raw()
		}
		c.FailIn("id", "missing")
	}
	require.Equal(t, Error{Field: "[0].id", Reason: "missing"}, *c.Err())
}

func TestACallerMayStopEarly(t *testing.T) {
	var c Cursor
	c.Reset([]byte(`[[1,2],3]`), budget)
	for range c.Elements() {
		for range c.Elements() {
			break
		}
		break
	}
	require.Nil(t, c.Err())
	c.Reset([]byte(`{"a":1,"b":2}`), budget)
	for name := range c.Fields() {
		require.Equal(t, "a", string(name))
		break
	}
	require.Nil(t, c.Err())
}

func TestResetForgetsEverythingButItsMemory(t *testing.T) {
	var c Cursor
	c.Reset([]byte(`["`+strings.Repeat(`\n`, 100)+`",{`), budget)
	for range c.Elements() {
		c.Text()
	}
	require.NotNil(t, c.Err())
	require.GreaterOrEqual(t, cap(c.unquoted), 100)
	c.Reset([]byte(`"x"`), budget)
	require.GreaterOrEqual(t, cap(c.unquoted), 100)
	text, ok := c.Text()
	require.True(t, ok)
	require.Equal(t, "x", string(text))
	c.End()
	require.Nil(t, c.Err())
}

func TestResetDropsTheMemoryOfALongString(t *testing.T) {
	var c Cursor
	c.Reset([]byte(`"`+strings.Repeat(`\n`, maxKept+1)+`"`), budget)
	_, ok := c.Text()
	require.True(t, ok)
	require.Greater(t, cap(c.unquoted), maxKept)
	c.Reset(nil, budget)
	require.LessOrEqual(t, cap(c.unquoted), maxKept)
}

func TestReadingStaysWithinItsBudget(t *testing.T) {
	var c Cursor
	c.Reset([]byte(`[{"a":"1"}]`), 84)
	for range c.Elements() {
		for range c.Fields() {
			require.True(t, c.Reserve(10, 1))
			require.True(t, c.Reserve(2, 10))
			require.False(t, c.Reserve(0, 10), "an empty allocation counts too")
			require.False(t, c.Reserve(0, 0))
		}
	}
	require.Equal(t, Error{Reason: "the reply needs too much memory to decode"}, *c.Err(), "no path: the text as a whole is at fault")

	c.Reset([]byte(`[1]`), budget)
	c.Fail("first")
	require.False(t, c.Reserve(1, 1), "nothing is allocated after an error")
	c.Reset([]byte(`[1]`), 1<<40)
	require.False(t, c.Reserve(1<<30, 1<<20), "a size that needs more than 32 bits")
	c.Reset(nil, 1<<21)
	require.True(t, c.Reserve(1<<20, 1))
	require.EqualValues(t, 1<<21-(1<<20+8<<10+16), c.budget, "large allocations are rounded up to pages")

	c.Reset([]byte(`{"a":1}`), 0)
	for range c.Fields() {
		c.Fail("first")
		c.Reserve(100, 1)
	}
	require.Equal(t, Error{Field: "a", Reason: "first"}, *c.Err())
}

func TestStringsThatHaveToBeRewrittenCount(t *testing.T) {
	for text, memory := range map[string]int64{
		`"` + strings.Repeat(`\n`, 500) + `"`:    1000,
		`"` + strings.Repeat("\xff", 1000) + `"`: 3000,
	} {
		for _, field := range []string{text, `{` + text + `:1}`} {
			var c Cursor
			readAny := func(budget int64) *Error {
				c = Cursor{}
				c.Reset([]byte(field), budget)
				if field[0] == '{' {
					for range c.Fields() {
						c.Raw()
					}
				} else {
					c.Text()
				}
				return c.Err()
			}
			require.NotNil(t, readAny(memory))
			require.Nil(t, readAny(memory+memory/4+16))
			require.Zero(t, c.budget)
		}
	}
	var c Cursor
	c.Reset([]byte(`{"\n":{"\n":["\n"]}}`), 1+16)
	for range c.Fields() {
		require.NotNil(t, c.Raw(), "what is skipped is not rewritten")
	}
}

func TestTheElementsThatRemainAreCountedWithoutReadingThem(t *testing.T) {
	var c Cursor
	c.Reset([]byte(`{"a":[1,"]",[2,[3]],{"x":[4]},null],"b":[5]}`), budget)
	for name := range c.Fields() {
		want := 5
		if string(name) == "b" {
			want = 1
		}
		for range c.Elements() {
			require.Equal(t, want, c.Remaining())
			c.Raw()
			want--
		}
		require.Zero(t, want)
	}
	c.End()
	require.Nil(t, c.Err())

	for _, text := range []string{`[1,2,x,4]`, `[1,2,3`, `[1,2,[`, `[1,2,{"a" 1}]`} {
		c.Reset([]byte(text), budget)
		for range c.Elements() {
			require.Equal(t, 3, c.Remaining(), text)
			require.Nil(t, c.Err())
			break
		}
	}
}

func TestTheCompactSizeCountsEachEscape(t *testing.T) {
	for _, value := range []string{`""`, `"\n"`, `"é€"`, `"<"`, `">>&"`, "\"\u2028\u2029\""} {
		require.Len(t, AppendCompact(nil, []byte(value)), CompactSize([]byte(value)), value)
	}
}

func TestANilErrorPrints(t *testing.T) {
	require.Equal(t, "unreadable JSON", (*Error)(nil).Error())
}

func depth(text []byte) (deepest int) {
	var now int
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		token, err := decoder.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			now++
			deepest = max(deepest, now)
		case json.Delim('}'), json.Delim(']'):
			now--
		}
	}
}

// FuzzRaw holds Raw, Text and AppendCompact against encoding/json, whose only
// tolerance that a Cursor lacks is for depth.
func FuzzRaw(f *testing.F) {
	for _, seed := range []string{
		`null`, `true`, `false`, `-0.5e+10`, `01`, `"a\u00e9\ud83d\ude00\ud800\/<>&"`, "\"\u2028\u2029\xe2\x80\xff\"", "\"\x7f\x80\"",
		`[1, 2,{"a" : [ ], "b":{}}]`, `[1,]`, `{"a":1,}`, `{"a" 1}`, `{"a":1}}`, `[[[[[[]]]]]]`, "\ufeff1", `"abcdefgh\"`, `"\u00`, "", " ", "nul",
		strings.Repeat("[", 65) + strings.Repeat("]", 65),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		var c Cursor
		c.Reset(text, budget)
		raw := bytes.Clone(c.Raw())
		c.End()
		require.Equal(t, json.Valid(text) && depth(text) <= MaxDepth, c.Err() == nil)
		require.Equal(t, before, text)
		if c.Err() != nil {
			return
		}
		require.Equal(t, bytes.Trim(text, " \t\r\n"), raw)

		want, err := json.Marshal(json.RawMessage(raw))
		require.NoError(t, err)
		compact := AppendCompact(nil, raw)
		require.Equal(t, string(want), string(compact))
		require.LessOrEqual(t, len(compact), CompactSize(raw))
		require.Equal(t, string(compact), string(AppendCompact(nil, compact)))

		var wantText string
		if raw[0] == '"' && json.Unmarshal(raw, &wantText) == nil {
			c.Reset(text, budget)
			gotText, ok := c.Text()
			require.True(t, ok)
			require.Equal(t, wantText, string(gotText))
		}
	})
}

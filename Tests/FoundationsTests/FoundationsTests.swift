import Foundations
import Testing

@Suite("Foundations")
struct FoundationsTests {
    @Test(
        "a moment by the calendar, before and after 1970 and around leap days",
        arguments: [
            (-1, "Wed 31 Dec 1969 23:59:59.999"), (0, "Thu 01 Jan 1970 00:00:00.000"),
            (951_782_400_000, "Tue 29 Feb 2000 00:00:00.000"), (4_107_542_399_999, "Sun 28 Feb 2100 23:59:59.999"),
            (4_107_542_400_000, "Mon 01 Mar 2100 00:00:00.000"), (-62_135_596_800_000, "Mon 01 Jan 0001 00:00:00.000"),
        ] as [(Int64, String)])
    func calendar(milliseconds: Int64, expected: String) {
        let time = CivilTime(milliseconds: milliseconds)
        let text =
            "\(time.dayName) \(CivilTime.padded(time.day)) \(time.monthName) \(CivilTime.padded(time.year, 4)) "
            + "\(time.timeOfDay).\(CivilTime.padded(time.millisecond, 3))"
        #expect(text == expected)
    }

    @Test("a date of a header field stays within its four digits of a year")
    func headerDates() {
        #expect(HTTPDate.text(Timestamp(milliseconds: .min)) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.text(Timestamp(milliseconds: .max)) == "Fri, 31 Dec 9999 23:59:59 GMT")
    }

    @Test("hexadecimal digits, of which upper-case ones are read only where that is said")
    func hexadecimal() {
        let all = Array(UInt8.min...UInt8.max)
        let text = Hex.encode(all)
        #expect(text.count == 512 && text.hasPrefix("000102") && text.hasSuffix("feff"))
        #expect(Hex.decode(text) == all && Hex.decode(text.uppercased(), ignoresCase: true) == all)
        #expect(Hex.decode("aF") == nil && Hex.decode("a") == nil && Hex.decode("ag", ignoresCase: true) == nil)
        #expect(Hex.decode("") == [] && Hex.decode("٣٣", ignoresCase: true) == nil)
    }

    @Test(
        "percent-encoding of cookies and of queries",
        arguments: [
            ("a~b c", "a~b%20c", "a%7Eb%20c"), ("-_.!~*'()", "-_.!~*'()", "-_.%21%7E%2A%27%28%29"),
            ("é/+%", "%C3%A9%2F%2B%25", "%C3%A9%2F%2B%25"), ("", "", ""),
        ])
    func percentEncoding(text: String, component: String, query: String) {
        #expect(PercentEncoding.component.encode(text) == component)
        #expect(PercentEncoding.query.encode(text) == query)
        #expect(PercentEncoding.decode(component.utf8) == text && PercentEncoding.decode(query.utf8) == text)
    }

    @Test("bad escapes and bytes that are no text are not decoded, and a plus is a space in forms only")
    func percentDecoding() {
        for bad in ["%", "%4", "%4g", "a%zz", "%FF", "%C3"] { #expect(PercentEncoding.decode(bad.utf8) == nil) }
        #expect(PercentEncoding.decode("a+b%2bc".utf8) == "a+b+c")
        #expect(PercentEncoding.decode("a+b%2Bc".utf8, plusIsSpace: true) == "a b+c")
    }

    @Test("padding is taken off both ends and nowhere else")
    func trimming() {
        #expect(" \t a b\n".trimmed(\.isWhitespace) == "a b")
        #expect("   ".trimmed(\.isWhitespace) == "" && "".trimmed(\.isWhitespace) == "")
        #expect([0, 0, 1, 0, 2].trimmed { $0 == 0 } == [1, 0, 2])
    }

    @Test("a secret prints and reflects nothing")
    func redaction() {
        struct Secret: Redacted {
            let text = "canary"
        }
        var dumped = ""
        dump([Secret()], to: &dumped)
        #expect("\(Secret())" == "<redacted>" && String(reflecting: Secret()) == "<redacted>")
        #expect(!dumped.contains("canary"))
    }

    @Test("the system's clock goes forwards and its randomness differs")
    func system() {
        let system = ClockAndRandomness.system
        let before = system.time()
        var random = system.random
        #expect(RandomText.uuid(using: &random) != RandomText.uuid(using: &random))
        #expect(system.time() >= before && before > Timestamp(milliseconds: 1_700_000_000_000))
    }
}

@Suite("Dates of RFC 3339")
struct RFC3339Tests {
    @Test(
        "finding E7: a date is the moment that it names",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-28T12:00:00Z", 1_795_867_200_000),
            ("2026-11-28t12:00:00.5z", 1_795_867_200_500), ("2026-11-28 13:30:00.123456+01:30", 1_795_867_200_123),
            ("2026-11-28T07:00:00-05:00", 1_795_867_200_000), ("2000-02-29T23:59:60Z", 951_868_800_000),
            ("1969-12-31T23:59:59.999Z", -1), ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000), ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ])
    func dates(_ text: String, _ milliseconds: Int64) {
        #expect(RFC3339.parse(text)?.milliseconds == milliseconds)
    }

    @Test(
        "finding E7: what is no date is none",
        arguments: [
            "", "2026-11-28", "2026-11-28T12:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00Zx", " 2026-01-01T00:00:00Z",
            "20260101T000000Z", "1900-02-29T00:00:00Z", "-026-01-01T00:00:00Z", "２０２６-01-01T00:00:00Z",
        ])
    func noDates(_ text: String) { #expect(RFC3339.parse(text) == nil) }
}

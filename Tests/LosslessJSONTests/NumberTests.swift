import LosslessJSON
import Testing

@Suite("Numbers stay the text they came as")
struct NumberTests {
    @Test(
        "These are numbers and are not changed",
        arguments: [
            "0", "-0", "1", "-1", "10", "1000.0", "1e+30", "1E30", "1.0E30", "1e-7", "12345678901234567890",
            "-9223372036854775809", "9007199254740993", "0.1", "0.10", "1.50", "1e0", "1e00", "1e1000000", "0e0",
            "-0.0",
            "3.141592653589793238462643383279502884197",
        ])
    func lossless(_ text: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(value.number?.text == text)
        #expect(value.text == text)
        #expect(try JSONValue(parsing: "[\(text) ,{\"n\":\(text)}]").text == "[\(text),{\"n\":\(text)}]")
    }

    @Test(
        "These are none",
        arguments: [
            "-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1E-", "1.5.5", "1e5.5", "0x1F",
            "1_000",
            "1,5", "--1", "- 1", "1 e5", "1e 5", "١", "１", "1f", "1L", "Inf", "-Infinity", "-NaN", "1e5e5",
        ])
    func invalid(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    static let integers: [(String, Int64?)] = [
        ("0", 0), ("-0", 0), ("-1", -1), ("9223372036854775807", .max), ("-9223372036854775808", .min),
        ("9223372036854775808", nil), ("-9223372036854775809", nil), ("18446744073709551615", nil), ("1.0", nil),
        ("1e3", nil), ("1E0", nil), ("0.0", nil), ("1e300", nil), ("9007199254740993", 9_007_199_254_740_993),
    ]

    @Test("Only plain integers within 64 bits are integers (T07)", arguments: integers)
    func int64(_ text: String, _ value: Int64?) throws {
        #expect(try JSONValue(parsing: text).number?.int64 == value)
    }

    @Test("Integers are written in plain digits", arguments: [Int64.min, -1, 0, 1, 1_000_000_000_000_000_000, .max])
    func written(_ value: Int64) {
        #expect(JSONNumber(value).text == String(value))
        #expect(JSONValue.integer(value).text == String(value))
    }

    /// Each row holds texts for one number; no two rows mean the same.
    static let classes = [
        ["0", "-0", "0.0", "-0.0", "0e0", "0e5", "-0e-99", "0.000", "0e99999999999999999999"],
        ["1", "1.0", "1.000", "1e0", "1E+0", "1e-0", "10e-1", "0.1e1", "0.01e2", "100e-2"], ["-1", "-1.0", "-10e-1"],
        ["10", "1e1", "1E+1", "1.0e1", "0.1e2", "10.0"],
        ["1e+30", "1.0E30", "10e29", "1000000000000000000000000000000"],
        ["12345678901234567890", "12345678901234567890.0", "1.2345678901234567890e19"], ["12345678901234567891"],
        ["9007199254740993", "9007199254740993.0"], ["9007199254740992", "9.007199254740992e15"],
        ["0.1", "1e-1", "0.10", "0.01e1"], ["0.1000000000000000055511151231257827"], ["1e400"], ["1e401", "10e400"],
        ["1e-400"], ["-1e400"], ["1e99999999999999999999"], ["1e-99999999999999999999"], ["2"], ["20"], ["0.2"],
        ["102"],
        ["1.02", "1.020", "102e-2"],
    ]

    @Test("Two texts mean the same number exactly when their values are equal", arguments: classes.indices)
    func numericEquality(_ row: Int) throws {
        for (other, texts) in Self.classes.enumerated() {
            for left in Self.classes[row] {
                for right in texts {
                    let (first, second) = (try JSONValue(parsing: left), try JSONValue(parsing: right))
                    #expect(first.isEquivalent(to: second) == (row == other), "\(left) and \(right)")
                    #expect((first == second) == (left == right), "\(left) and \(right)")
                }
            }
        }
    }
}

import Foundation
import LosslessJSON
import SessionEngine
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Payload and data as types of the application")
struct CodingTests {
    private enum Plan: String, Codable { case free, pro }
    private struct Address: Codable, Equatable {
        var city: String
        var zip: Int?
    }
    private struct Profile: Codable, Equatable {
        var zoom = 1.5
        var name = "Zoë \u{1F469}\u{200D}\u{1F680}"
        var plan = Plan.pro
        var isAdmin = true
        var since = Date(timeIntervalSince1970: 1_767_225_600.25)
        var address = Address(city: "Ghent", zip: nil)
        var scores: [Int64] = [.max, .min, 0]
        var big = UInt64.max
        var extra: JSONObject = ["n": 1, "deep": ["a", nil, false]]
        var site = URL(string: "https://example.com/a?b")
        var key = Data([1, 2, 3])
        var price = Decimal(string: "1234567890.123456789")
    }

    @Test("finding S2: a structure is written in the order of its properties and comes back as it was")
    func roundTrip() throws {
        let profile = Profile()
        let json = try JSONObject(encoding: profile)
        #expect(
            json.text == #"{"zoom":1.5,"name":"Zoë 👩‍🚀","plan":"pro","isAdmin":true,"since":1767225600250,"#
                + #""address":{"city":"Ghent"},"scores":[9223372036854775807,-9223372036854775808,0],"#
                + #""big":18446744073709551615,"extra":{"n":1,"deep":["a",null,false]},"#
                + #""site":"https://example.com/a?b","key":"AQID","price":1234567890.123456789}"#)
        #expect(try json.decoded(as: Profile.self, of: "test") == profile)
    }

    @Test("finding S2: JSON inside a structure keeps each number as it was written")
    func lossless() throws {
        struct Holder: Codable { var value: JSONValue }
        let text = #"{"value":{"pi":3.14159265358979323846264338327950288,"e":1E+400,"z":-0,"order":[{"b":1,"a":2}]}}"#
        let object = try #require(try JSONValue(parsing: text).object)
        let holder = try object.decoded(as: Holder.self, of: "test")
        #expect(try JSONObject(encoding: holder).text == text)
        #expect(try JSONObject(encoding: object) == object)
    }

    @Test("finding S2: other encoders take JSON values too")
    func foreignCoders() throws {
        let value: JSONValue = ["a": [1, nil, true, "t"], "b": ["c": 2]]
        let data = try JSONEncoder().encode(value)
        #expect(try JSONDecoder().decode(JSONValue.self, from: data).isEquivalent(to: value))
    }

    @Test("what is no object, or has no JSON, is refused with its place and without its value")
    func refused() {
        struct Holder: Encodable { var inner = ["secret": Double.nan] }
        #expect(throws: SessionError.badInput("Array<Int> is not written as a JSON object; put it into a structure")) {
            try JSONObject(encoding: [1])
        }
        #expect(
            throws: SessionError.badInput("Holder cannot be written as JSON: 'inner.secret': JSON has no number for it")
        ) {
            try JSONObject(encoding: Holder())
        }
    }

    /// A payload, and what is wrong about it.
    static let wrong: [(JSONObject, String)] = [
        ([:], "'city' is missing"), (["city": 5], "'city' is no String"), (["city": .null], "'city' is no String"),
        (["city": "x", "zip": "secret"], "'zip' is no Int"), (["city": "x", "zip": 1e300], "'zip' is no Int"),
    ]

    @Test("finding S13: a payload of another shape is an internal error that names the member", arguments: wrong)
    func unreadable(payload: JSONObject, problem: String) async throws {
        let test = try await TestSessions()
        let session = try await test.sessions.create(userID: "u", payload: payload)
        #expect(throws: SessionError.unreadable("the payload of session \(session.handle) is no Address: \(problem)")) {
            try session.payload(as: Address.self)
        }
    }

    @Test("finding S13: payload and data of a session are values of the application", arguments: [1.0, 1e3, 12])
    func session(number: Double) async throws {
        struct Theme: Codable, Equatable, Sendable { var dark: Bool, size: Int }
        let test = try await TestSessions()
        let address = Address(city: "Ghent", zip: Int(number))
        let session = try await test.sessions.create(userID: "u", payload: address, data: Theme(dark: true, size: 3))
        #expect(try session.payload(as: Address.self) == address)
        let theme = try await session.data(as: Theme.self)
        #expect(theme == Theme(dark: true, size: 3))
        try await session.setData(Theme(dark: false, size: 4))
        let found = try #require(try await test.sessions.information(on: session.handle))
        #expect(try found.data(as: Theme.self).size == 4 && found.payload(as: Address.self) == address)
        try await session.mergePayload(Address(city: "Bruges", zip: nil))
        #expect(try session.payload(as: Address.self) == Address(city: "Bruges", zip: address.zip))
    }

    @Test("a whole number is an Int however it was written")
    func wholeNumbers() throws {
        for text in ["3000", "3e3", "3000.0", "30E2"] {
            let object = try #require(try JSONValue(parsing: #"{"city":"x","zip":\#(text)}"#).object)
            #expect(try object.decoded(as: Address.self, of: "test").zip == 3_000)
        }
    }

    @Test("times become dates and durations, and back")
    func times() {
        let time = Timestamp(milliseconds: 1_767_225_600_123)
        #expect(Timestamp(time.date) == time && Timestamp(Date.distantPast).date == .distantPast)
        #expect(Timestamp(Date(timeIntervalSince1970: .infinity)).milliseconds == .max)
        #expect(Milliseconds(.minutes(5)) == .seconds(300) && Milliseconds.days(2) == Milliseconds(.hours(48)))
        #expect(Duration.days(.max) > .zero && Milliseconds(.days(.max)).count > 0)
    }
}

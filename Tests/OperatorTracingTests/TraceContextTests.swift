import Foundations
import Testing

@testable import OperatorTracing

@Suite("W3C Trace Context")
struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    @Test(
        "OB20, OB21: what is read, and how it is sent on",
        arguments: [
            ("00-\(trace)-\(span)-01", "01"), ("00-\(trace)-\(span)-00", "00"), ("00-\(trace)-\(span)-02", "02"),
            ("00-\(trace)-\(span)-03", "03"), ("00-\(trace)-\(span)-ff", "03"), ("00-\(trace)-\(span)-fc", "00"),
            ("01-\(trace)-\(span)-01", "01"), ("01-\(trace)-\(span)-03", "01"), ("cc-\(trace)-\(span)-fe", "00"),
            ("fe-\(trace)-\(span)-09-what-follows", "01"), ("01-\(trace)-\(span)-01-", "01"),
        ])
    func good(text: String, flags: String) throws {
        let parent = try #require(TraceParent(text))
        #expect(parent.text == "00-\(Self.trace)-\(Self.span)-\(flags)")
        #expect(parent.traceID.hex == Self.trace && parent.parentID.hex == Self.span)
        #expect(TraceParent(parent.text) == parent)
    }

    @Test(
        "OB20: what is ignored as a whole",
        arguments: [
            "", "00", "-", "00-\(trace)-\(span)", "00-\(trace)-\(span)-", "00-\(trace)-\(span)-1",
            "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01-more", "00-\(trace)-\(span)-011",
            "01-\(trace)-\(span)-01x", "01-\(trace)-\(span)-0", "ff-\(trace)-\(span)-01", "ff-\(trace)-\(span)-01-x",
            "FE-\(trace)-\(span)-01", "0g-\(trace)-\(span)-01", "00-\(trace.uppercased())-\(span)-01",
            "00-\(trace)-\(span.uppercased())-01", "00-\(trace)-\(span)-0A", "00-\(trace)-\(span)-0g",
            "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01",
            "00_\(trace)-\(span)-01", "00-\(trace)_\(span)-01", "00-\(trace)-\(span)_01", "00-\(trace)-\(span)-é",
            "00-\(trace.dropLast())-\(span)-011", "00-\(trace)g-\(span)-01", "00-\(trace)-\(span)-+1",
            "00- \(trace.dropFirst())-\(span)-01", "0 -\(trace)-\(span)-01",
        ])
    func bad(text: String) {
        #expect(TraceParent(text) == nil)
        #expect(TraceOrigin(parents: [text], states: ["a=1"]) == nil)
    }

    @Test("blanks round a field are no part of it, two fields are none")
    func fields() throws {
        let good = "00-\(Self.trace)-\(Self.span)-01"
        let origin = try #require(TraceOrigin(parents: [" \(good)\t"], states: []))
        #expect(origin.parent.text == good && origin.state == .none)
        #expect(TraceOrigin(parents: [], states: ["a=1"]) == nil)
        #expect(TraceOrigin(parents: [good, good], states: []) == nil)
    }

    @Test(
        "OB22: what others say travels unchanged",
        arguments: [
            ["congo=t61rcWkgMzE"], ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], ["a=1", "b=2"], ["a=1 , b=2"],
            ["a=1,,b=2"], ["a=", "b=~"], ["fw529a3039@dt=FfD~ !#$%&'()*+-./:;<>?@[]^_`{|}"], ["1a=x"],
            ["\(String(repeating: "k", count: 256))=\(String(repeating: "v", count: 256))"],
            [(0..<32).map { "key\($0)=\(String(repeating: "v", count: 100))" }.joined(separator: ",")],
        ])
    func states(fields: [String]) {
        #expect(TraceState(fields).text == fields.joined(separator: ","))
    }

    @Test(
        "what cannot be read says nothing, and the trace goes on",
        arguments: [
            [""], [","], ["a"], ["=1"], ["A=1"], ["a=1=2"], ["a b=1"], ["a@b@c=1"], ["_a=1"], ["a=é"], ["a=\u{7F}"],
            ["a=\u{0}"], ["\(String(repeating: "k", count: 257))=1"], ["k=\(String(repeating: "v", count: 257))"],
            [(0..<33).map { "key\($0)=1" }.joined(separator: ",")],
            [(0..<20).map { "key\($0)=\(String(repeating: "v", count: 250))" }.joined(separator: ",")],
        ])
    func badStates(fields: [String]) throws {
        let origin = try #require(TraceOrigin(parents: ["00-\(Self.trace)-\(Self.span)-01"], states: fields))
        #expect(origin.state == .none)
    }

    @Test("what is printed is read again as the same; random texts and changed bytes never as more than they are")
    func random() {
        var dice = Dice(seed: UInt64.random(in: 1...UInt64.max))
        let alphabet = Array("0123456789abcdefABCDEFg-- ,=@".utf8)
        for _ in 0..<5_000 {
            let parent = TraceParent(
                traceID: TraceID(random: (dice.next(), dice.next())), parentID: SpanID(random: dice.next()),
                flags: TraceFlags(rawValue: UInt8(truncatingIfNeeded: dice.next()) & 3))
            #expect(TraceParent(parent.text) == parent, "seed \(dice.seed)")
            var bytes = Array(parent.text.utf8)
            bytes[Int(dice.next() % UInt64(bytes.count))] = alphabet[Int(dice.next() % UInt64(alphabet.count))]
            let changed = String(decoding: bytes, as: UTF8.self)
            if let read = TraceParent(changed) {
                let isSame = read.text.dropFirst(2).dropLast(2) == changed.dropFirst(2).dropLast(2)
                #expect(isSame, "seed \(dice.seed): \(changed)")
            }
            let length = Int(dice.next() % 80)
            let noise = (0..<length).map { _ in alphabet[Int(dice.next() % UInt64(alphabet.count))] }
            let text = String(decoding: noise, as: UTF8.self)
            #expect(TraceParent(text) == nil, "seed \(dice.seed): \(text)")
            let state = TraceState([text]).text
            #expect(state.isEmpty || state == text, "seed \(dice.seed): \(text)")
        }
    }
}

/// Repeatable chance.
struct Dice: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init(seed: UInt64) { (self.seed, state) = (seed, seed) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}

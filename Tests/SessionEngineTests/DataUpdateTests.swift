import LosslessJSON
import Testing

@testable import SessionEngine

@Suite("Deciding a change of data (docs/specification/core.md 4.5 and 4.6)")
struct DataUpdateTests {
    private let payload = JSONObjectText(["new": 1])
    private let data = JSONObjectText(["more": 2])

    @Test("What is given replaces, what is not stays", arguments: [true, false], [true, false])
    func replaces(_ givesPayload: Bool, _ givesData: Bool) {
        let record = Sample.record()
        let decided = DataUpdate.decide(
            payload: givesPayload ? payload : nil, sessionData: givesData ? data : nil, against: record, at: Sample.now,
            within: .unlimited)
        var next = record
        if givesPayload { next.accessTokenPayload = payload }
        if givesData { next.sessionData = data }
        #expect(decided.outcome == .updated(next))
        #expect(decided.change == (givesPayload || givesData ? .replace(next) : .keep))
    }

    @Test("A session that is missing or over is not changed", arguments: [Int64?.none, 0, -1])
    func ended(_ endsIn: Int64?) {
        let record = endsIn.map { Sample.record(expiresAt: Sample.now + Milliseconds($0)) }
        let decided = DataUpdate.decide(
            payload: payload, sessionData: data, against: record, at: Sample.now, within: .unlimited)
        #expect(decided.outcome == .sessionNotActive)
        #expect(decided.change == .keep)
    }

    @Test("A session is changed up to its last millisecond")
    func lastMillisecond() {
        let record = Sample.record(expiresAt: Sample.now + Milliseconds(1))
        let decided = DataUpdate.decide(payload: payload, against: record, at: Sample.now, within: .unlimited)
        #expect(decided.outcome != .sessionNotActive)
    }

    @Test("Neither the lineage nor the expiry nor the kind of key changes")
    func keepsTheRest() throws {
        let record = Sample.record(kind: .static)
        guard
            case .updated(let next) = DataUpdate.decide(
                payload: payload, against: record, at: Sample.now, within: .unlimited
            ).outcome
        else { throw Unexpected() }
        #expect(next.currentTokenHash == record.currentTokenHash)
        #expect(next.expiresAt == record.expiresAt)
        #expect(next.signingKeyKind == .static)
    }

    @Test("A payload of other characters is stored even if Swift calls the texts equal")
    func canonicalEquivalence() {
        let composed = JSONObjectText(["name": "caf\u{E9}"])
        let decomposed = JSONObjectText(["name": "cafe\u{301}"])
        var record = Sample.record()
        record.accessTokenPayload = composed
        let decided = DataUpdate.decide(payload: decomposed, against: record, at: Sample.now, within: .unlimited)
        guard case .replace(let next) = decided.change else {
            Issue.record("the payload was not replaced")
            return
        }
        #expect(next.accessTokenPayload.text.unicodeScalars.elementsEqual(decomposed.text.unicodeScalars))
    }
}

/// Something else came back than the test continued with.
struct Unexpected: Error {}

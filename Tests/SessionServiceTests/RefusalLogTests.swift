import Foundations
import TestSupport
import Testing

@testable import SessionEngine
@testable import SessionService

@Suite("Refusals of bound sessions in the audit log")
struct RefusalLogTests {
    /// A log, and whether it lets an event of a session through.
    private struct Place {
        let log = RefusalLog()
        let record: SessionRecord

        init() async throws {
            record = try #require(try await DeviceBindingServiceTests.Place().record())
        }

        func isWritten(_ handle: String, at seconds: Int64, by request: UInt64? = nil) -> Bool {
            let now = Timestamp(milliseconds: 1_000_000_000 + seconds * 1_000)
            let refused = Decision(.keep, false, audit: .bindingRefused(record, .noCookie, at: now))
            let number = request ?? log.nextRequest()
            return log.limited(refused, of: SessionHandle(handle), by: number, at: now).audit != nil
        }
    }

    @Test("Once a minute for each session, also over the turn of a minute and after a clock was set back")
    func pause() async throws {
        let place = try await Place()
        #expect(place.isWritten("a", at: 0))
        for (seconds, isWritten) in [(59, false), (60, true), (61, false), (119, false), (120, true), (-900, true)] {
            #expect(place.isWritten("a", at: Int64(seconds)) == isWritten, "\(seconds)")
        }
        #expect(place.isWritten("b", at: 30) && place.isWritten("c", at: 50))
        #expect(!place.isWritten("b", at: 89) && place.isWritten("b", at: 90))
        #expect(!place.isWritten("c", at: 100) && place.isWritten("c", at: 110), "of the minute before")
        let request = place.log.nextRequest()
        for _ in 0..<3 { #expect(place.isWritten("d", at: 111, by: request), "storage asks as often as it likes") }
        #expect(!place.isWritten("d", at: 112))
    }

    @Test("However many sessions are refused, a bounded number of them is written about in a minute")
    func crowd() async throws {
        let place = try await Place()
        let most = RefusalLog.capacity
        for minute in 0..<3 {
            let written = (0..<20_000).filter { place.isWritten("\(minute) \($0)", at: Int64(minute) * 60 + 1) }
            #expect(written.count == most)
            #expect(!place.isWritten("\(minute) 0", at: Int64(minute) * 60 + 2), "it is remembered")
            #expect(!place.isWritten("new \(minute)", at: Int64(minute) * 60 + 2))
        }
    }
}

import Foundations
import Testing

@testable import SignerAgent

/// When a signer gives its device up, in a time that the test makes.
@Suite struct DeviceHealthTests {
    private static func time(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000) + .milliseconds(milliseconds)
    }

    @Test func `A device that works, or has nothing to do, is kept`() {
        var health = DeviceHealth()
        for step in 0..<1_000 { health.note(step % 10 == 0 ? .good : .failed, at: Self.time(Int64(step) * 100)) }
        #expect(health.fault(at: Self.time(100_000_000)) == nil)
    }

    @Test func `A device that has answered with errors alone for five seconds is given up`() {
        var health = DeviceHealth()
        for milliseconds in stride(from: Int64(0), through: 4_900, by: 100) {
            health.note(.failed, at: Self.time(milliseconds))
        }
        #expect(health.fault(at: Self.time(60_000)) == nil, "it has not failed since")
        health.note(.neither, at: Self.time(5_000))
        #expect(health.fault(at: Self.time(60_000)) == nil)
        health.note(.failed, at: Self.time(5_000))
        #expect(health.fault(at: Self.time(5_000))?.description.contains("errors alone for 5 s") == true)
        health.note(.good, at: Self.time(5_001))
        #expect(health.fault(at: Self.time(60_000)) == nil)
        health.note(.failed, at: Self.time(60_000))
        #expect(health.fault(at: Self.time(600_000)) == nil, "one failure in the night")
    }

    @Test func `A call that does not return is enough, whatever others do`() {
        var health = DeviceHealth()
        let stuck = health.begin(at: Self.time(0))
        for step in 1..<150 {
            health.end(health.begin(at: Self.time(Int64(step) * 100)))
            health.note(.good, at: Self.time(Int64(step) * 100))
        }
        #expect(health.fault(at: Self.time(14_999)) == nil)
        #expect(health.fault(at: Self.time(15_000))?.contains("a call for 15 s") == true)
        health.end(stuck)
        #expect(health.fault(at: Self.time(16_000)) == nil)
    }

    @Test func `A slow device that answers each call is kept, however many signatures a frame asks for`() {
        var health = DeviceHealth()
        for step in 0..<40 {
            let call = health.begin(at: Self.time(Int64(step) * 1_000))
            #expect(health.fault(at: Self.time(Int64(step) * 1_000 + 999)) == nil)
            health.end(call)
        }
    }
}

import SessionEngine
import Testing
import TrialSupport

@Suite("The trials themselves, on a few seeds")
struct SimulationTests {
    @Test("a seed is replayed identically", arguments: [1, 17, 4_711] as [UInt64])
    func replay(seed: UInt64) async throws {
        let first = try await Simulation.run(seed: seed)
        let second = try await Simulation.run(seed: seed)
        #expect(first.trace == second.trace && !first.trace.isEmpty)
        #expect(first.report.violations == 0, "\(first.report.examples)")
    }

    @Test("a few seeds hold")
    func seeds() async throws {
        let report = try await Simulation.run(0..<60)
        #expect(report.violations == 0, "\(report.examples)")
        #expect(report.faults > 60)
    }

    @Test("each deliberate mistake is found", arguments: Flaw.allCases)
    func flaws(flaw: Flaw) async throws {
        let report = try await Simulation.run(0..<60, flaw: flaw)
        #expect(report.violations > 0)
    }

    @Test("a few schedules hold, and with random successors they do not")
    func schedules() async throws {
        let report = try await Schedules().run(0..<60)
        #expect(report.violations == 0, "\(report.examples)")
        #expect(try await Schedules(.randomSuccessors).run(0..<60).violations > 0)
    }

    @Test("finding R1: the old rule lets whoever fetches ahead follow for ever, and the new one does not")
    func follow() async throws {
        let old = try await Follower(.page, .ahead, atOnce: false, flaw: .oldRule).run(0..<2)
        #expect(old.endless == 2)
        let new = try await Follower(.page, .ahead, atOnce: false).run(0..<4)
        #expect(new.endless == 0 && new.periods == 0 && new.unnoticed == 0 && new.unrecorded == 0)
    }
}

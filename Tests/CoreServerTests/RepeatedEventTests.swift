import Foundations
import Testing

@testable import CoreServer

@Suite("finding O5: what happens often is told once a minute, with a count")
struct RepeatedEventTests {
    private typealias Report = RepeatedEvents<Int>.Report

    private func second(_ number: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: number * 1_000_000_000) }

    @Test("the first is told at once, those of a minute together, and who was quiet is new again")
    func oneSubject() {
        var events = RepeatedEvents<Int>()
        let rows: [(Int64, Report?)] = [
            (0, Report(subject: "a", count: 1)), (1, nil), (59, nil), (60, Report(subject: "a", count: 3)), (61, nil),
            (119, nil), (200, Report(subject: "a", count: 3)),
        ]
        for (time, report) in rows { #expect(events.note(1, named: "a", at: second(time)) == report, "\(time)") }
        #expect(events.due(at: second(259)) == [] && events.due(at: second(260)) == [])
        #expect(events.note(1, named: "a", at: second(261)) == Report(subject: "a", count: 1))
    }

    @Test("a count is told also when nothing more happens")
    func due() {
        var events = RepeatedEvents<Int>()
        for time in 0..<5 { _ = events.note(1, named: "a", at: second(Int64(time))) }
        #expect(events.due(at: second(59)) == [])
        #expect(events.due(at: second(60)) == [Report(subject: "a", count: 4)])
        #expect(events.due(at: second(61)) == [])
        #expect(events.note(1, named: "a", at: second(90)) == nil, "the minute began with the last report")
        #expect(events.due(at: second(120)) == [Report(subject: "a", count: 1)])
    }

    @Test("a flood of subjects is bounded: those for whom there is no room are counted together")
    func manySubjects() {
        var events = RepeatedEvents<Int>(limit: 3)
        let reports = (0..<100_000).compactMap { events.note($0, named: "\($0)", at: second(0)) }
        #expect(
            reports == [
                Report(subject: "0", count: 1), Report(subject: "1", count: 1), Report(subject: "2", count: 1),
                Report(subject: nil, count: 1),
            ])
        #expect(events.due(at: second(60)) == [Report(subject: nil, count: 99_996)])
        #expect(events.note(7, named: "7", at: second(61)) == Report(subject: "7", count: 1), "there is room again")
    }
}

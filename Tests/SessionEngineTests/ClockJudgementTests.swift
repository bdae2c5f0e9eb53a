import SessionEngine
import Testing

/// When a clock may say what is too old (docs/decisions/0028).
struct ClockJudgementTests {
    private static let cases: [(Int64, Int64, ClockJudgement)] = [
        (7_305, 0, .ahead), (-7_305, 0, .behind), (0, 0, .right), (30, 0, .right), (31, 0, .ahead), (-30, 0, .right),
        (-31, 0, .behind),
        // A process that ran all the time, and one that was stopped and has run for a while since.
        (400, 400, .right), (40, 10, .right), (40, 9, .ahead),
        // No time is credited backwards, and a steady clock cannot run backwards.
        (-40, 40, .behind), (10, -100, .right),
    ]

    @Test("finding K4: a clock that is so many days from the noted time deletes nothing", arguments: cases)
    func judgement(distance: Int64, elapsed: Int64, expected: ClockJudgement) {
        let noted = Timestamp(milliseconds: 1_700_000_000_123)
        let found = ClockJudgement(
            now: noted + .seconds(distance * 86_400), noted: noted, elapsed: .seconds(elapsed * 86_400))
        #expect(found == expected)
    }

    @Test("finding K4: no time that could be stored traps")
    func extremes() {
        let ends = [Int64.min, Int64.min + 1, -1, 0, 1, Int64.max - 1, Int64.max]
        for (now, noted) in ends.flatMap({ now in ends.map { (now, $0) } }) {
            for elapsed in ends {
                let found = ClockJudgement(
                    now: Timestamp(milliseconds: now), noted: Timestamp(milliseconds: noted),
                    elapsed: Milliseconds(elapsed))
                if now < noted { #expect(found != .ahead) }
                if now == noted { #expect(found == .right) }
            }
        }
    }
}

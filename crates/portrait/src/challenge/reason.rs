//! Why a person check is no match.

use std::fmt;

/// Why a person check is no match, for the person and for the record of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckReason {
    /// Fewer frames than the steps need, or none of some step.
    FramesTooFew,
    /// More frames than are looked at.
    FramesTooMany,
    /// Steps or times do not follow one another.
    FramesOutOfOrder,
    /// A frame came twice, or movement was asked for and nothing moved.
    FramesRepeated,
    /// Frames closer to each other than a camera takes them, or steps faster than a person.
    TooFast,
    /// A frame is no picture, or damaged.
    FrameUnusable,
    /// A frame has too few or too many bytes or pixels.
    FrameSize,
    /// A frame shows nobody.
    NoFace,
    /// A frame shows more than one person.
    SeveralFaces,
    /// The face is too far away.
    FaceTooSmall,
    /// At the beginning nobody looks straight with open eyes.
    NotStraight,
    /// What was asked for is not to be seen, or something else is.
    StepNotFollowed,
    /// Not the same person in all frames.
    FaceChanged,
    /// Not the person of the photo.
    AnotherPerson,
    /// The photo has no face that could be compared; an officer must look.
    NoFaceInPhoto,
    /// Neither the same person nor another for sure; an officer must look.
    MatchersUndecided,
}

impl CheckReason {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::FramesTooFew,
        Self::FramesTooMany,
        Self::FramesOutOfOrder,
        Self::FramesRepeated,
        Self::TooFast,
        Self::FrameUnusable,
        Self::FrameSize,
        Self::NoFace,
        Self::SeveralFaces,
        Self::FaceTooSmall,
        Self::NotStraight,
        Self::StepNotFollowed,
        Self::FaceChanged,
        Self::AnotherPerson,
        Self::NoFaceInPhoto,
        Self::MatchersUndecided,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FramesTooFew => "frames-too-few",
            Self::FramesTooMany => "frames-too-many",
            Self::FramesOutOfOrder => "frames-out-of-order",
            Self::FramesRepeated => "frames-repeated",
            Self::TooFast => "too-fast",
            Self::FrameUnusable => "frame-unusable",
            Self::FrameSize => "frame-size",
            Self::NoFace => "no-face",
            Self::SeveralFaces => "several-faces",
            Self::FaceTooSmall => "face-too-small",
            Self::NotStraight => "not-straight",
            Self::StepNotFollowed => "step-not-followed",
            Self::FaceChanged => "face-changed",
            Self::AnotherPerson => "another-person",
            Self::NoFaceInPhoto => "no-face-in-photo",
            Self::MatchersUndecided => "matchers-undecided",
        }
    }

    /// The reason of that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }

    /// Chinese text.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::FramesTooFew => "画面数量不足",
            Self::FramesTooMany => "画面数量过多",
            Self::FramesOutOfOrder => "画面顺序或时间不连续",
            Self::FramesRepeated => "画面重复，未见动作",
            Self::TooFast => "动作过快，请按提示缓慢完成",
            Self::FrameUnusable => "画面无法读取",
            Self::FrameSize => "画面尺寸不符合要求",
            Self::NoFace => "画面中没有人脸",
            Self::SeveralFaces => "画面中有多人，请独自完成",
            Self::FaceTooSmall => "人脸太小，请靠近镜头",
            Self::NotStraight => "开始时请睁眼正对镜头",
            Self::StepNotFollowed => "未按提示完成动作",
            Self::FaceChanged => "画面中的人前后不一致",
            Self::AnotherPerson => "与照片不是同一人",
            Self::NoFaceInPhoto => "照片中没有可比对的人脸，由工作人员核查",
            Self::MatchersUndecided => "无法自动确认是否同一人，由工作人员核查",
        }
    }

    /// English text.
    #[must_use]
    pub const fn en(self) -> &'static str {
        match self {
            Self::FramesTooFew => "too few frames",
            Self::FramesTooMany => "too many frames",
            Self::FramesOutOfOrder => "the frames are out of order",
            Self::FramesRepeated => "the same frame came again where movement was asked for",
            Self::TooFast => "too fast: follow the steps slowly",
            Self::FrameUnusable => "a frame cannot be read",
            Self::FrameSize => "a frame has too few or too many bytes or pixels",
            Self::NoFace => "a frame shows no face",
            Self::SeveralFaces => "a frame shows more than one person",
            Self::FaceTooSmall => "the face is too small: come closer",
            Self::NotStraight => "begin by looking straight at the lens with open eyes",
            Self::StepNotFollowed => "the steps were not followed as asked",
            Self::FaceChanged => "not the same person in all frames",
            Self::AnotherPerson => "not the person of the photo",
            Self::NoFaceInPhoto => "the photo has no face to compare with; an officer looks at it",
            Self::MatchersUndecided => "it could not be decided by machine; an officer looks at it",
        }
    }
}

impl fmt::Display for CheckReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.code(), self.en(), self.zh())
    }
}

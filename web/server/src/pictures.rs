//! Pictures for link previews: SVG to PNG, one at a time, the latest kept.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use tokio::sync::Semaphore;

use crate::problem::{Kind, Problem};
use crate::representation::{Caching, PNG, Representation, content_hash};

/// Most bytes of pictures that are kept.
const KEPT_BYTES: usize = 16 << 20;
/// Pictures that are drawn at once: each takes a core for tens of milliseconds.
const AT_ONCE: usize = 1;

/// The font of the pictures: see `fonts/README.md`.
const FONTS: [&[u8]; 2] =
    [include_bytes!("../fonts/Inter-Regular.otf"), include_bytes!("../fonts/Inter-SemiBold.otf")];

/// Draws, and keeps what it drew.
#[derive(Debug)]
pub struct Pictures {
    kept: Mutex<Kept>,
    drawing: Semaphore,
}

#[derive(Debug, Default)]
struct Kept {
    by_content: HashMap<String, Representation>,
    /// Oldest first.
    order: VecDeque<String>,
    bytes: usize,
}

impl Kept {
    fn put(&mut self, key: String, picture: Representation) {
        if self.by_content.contains_key(&key) {
            return;
        }
        self.bytes += picture.plain().len();
        self.order.push_back(key.clone());
        self.by_content.insert(key, picture);
        while self.bytes > KEPT_BYTES {
            let Some(oldest) = self.order.pop_front() else { return };
            let gone = self.by_content.remove(&oldest);
            self.bytes -= gone.map_or(0, |picture| picture.plain().len());
        }
    }
}

impl Default for Pictures {
    fn default() -> Self {
        Pictures { kept: Mutex::default(), drawing: Semaphore::new(AT_ONCE) }
    }
}

impl Pictures {
    /// The picture of an SVG.
    pub async fn png(&self, svg: String) -> Result<Representation, Problem> {
        let key = content_hash(svg.as_bytes());
        let kept = || self.lock().by_content.get(&key).cloned();
        if let Some(picture) = kept() {
            return Ok(picture);
        }
        // Closed never, so this waits for its turn; the time limit of requests ends a wait that is too long.
        let _turn = self.drawing.acquire().await.map_err(|_| broken("the semaphore is closed"))?;
        if let Some(picture) = kept() {
            return Ok(picture);
        }
        let drawn = tokio::task::spawn_blocking(move || draw(&svg)).await.map_err(broken)?;
        let picture = Representation::new(PNG, drawn.map_err(broken)?).caching(Caching::Hour);
        self.lock().put(key, picture.clone());
        Ok(picture)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn broken(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "a picture could not be drawn");
    Problem::new(Kind::Internal, Kind::Internal.explanation())
}

/// Draws our own SVG: it names no file and no other address, and nothing of the machine's fonts is looked at.
fn draw(svg: &str) -> Result<Vec<u8>, String> {
    static DATABASE: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let fonts = DATABASE.get_or_init(|| {
        let mut fonts = fontdb::Database::new();
        FONTS.iter().for_each(|font| fonts.load_font_data(font.to_vec()));
        Arc::new(fonts)
    });
    let options = Options { fontdb: Arc::clone(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size();
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or("a picture without an area")?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"80\" height=\"40\" font-family=\"Inter\">";

    /// Pixels that are not the ground.
    fn ink(words: &str, weight: u32) -> usize {
        let svg = format!(
            "{HEAD}<rect width=\"80\" height=\"40\" fill=\"#fff\"/><text x=\"4\" y=\"30\" font-size=\"24\" font-weight=\"{weight}\">{words}</text></svg>"
        );
        let pixels = Pixmap::decode_png(&draw(&svg).unwrap()).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (80, 40));
        pixels.pixels().iter().filter(|pixel| pixel.red() < 128).count()
    }

    #[test]
    fn words_are_drawn_in_both_weights() {
        let (regular, bold) = (ink("31 tok", 400), ink("31 tok", 600));
        assert!(regular > 50 && bold > regular, "{regular} {bold}");
        assert_eq!(ink(" ", 400), 0);
    }

    #[tokio::test]
    async fn a_picture_is_kept_and_the_oldest_go_first() {
        let pictures = Pictures::default();
        let svg = format!("{HEAD}<rect width=\"10\" height=\"10\"/></svg>");
        let first = pictures.png(svg.clone()).await.unwrap();
        assert_eq!(first.etag(), pictures.png(svg).await.unwrap().etag());
        assert_eq!(pictures.lock().order.len(), 1);
        let mut kept = Kept::default();
        for n in 0..40 {
            kept.put(n.to_string(), Representation::new(PNG, vec![0; 1 << 20]));
        }
        assert_eq!((kept.order.len(), kept.bytes), (16, KEPT_BYTES));
        assert!(kept.by_content.contains_key("39") && !kept.by_content.contains_key("3"));
        assert!(pictures.png("<svg".into()).await.is_err());
    }
}
